/** The events of a `CompositeDiscovery` about one watched service, distinguished by `type`. */
export type CompositeDiscoveryEvent =
  /** A member failed, answered nonsense, or said nothing for `firstAnswerTimeoutMs`. */
  | { readonly type: 'member-failed'; readonly service: string; readonly member: string; readonly error: unknown }
  /** A member that failed answers again. */
  | { readonly type: 'member-recovered'; readonly service: string; readonly member: string }
  /** With mode `failover`: from now on the instances are what `member` says. */
  | { readonly type: 'member-in-use'; readonly service: string; readonly member: string }
  /** No member gave a list since the start: the one that was saved `ageMs` ago is used until one does. */
  | {
      readonly type: 'snapshot-in-use'
      readonly service: string
      readonly ageMs: number
      readonly instances: number
    }
  /** A snapshot could not be loaded, saved or used. */
  | { readonly type: 'snapshot-failed'; readonly service: string; readonly error: unknown }

/** Receives the events of a `CompositeDiscovery`. */
export type CompositeDiscoveryListener = (event: CompositeDiscoveryEvent) => void
