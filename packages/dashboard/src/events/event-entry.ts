import type { EventLevel } from '@lb/core'

/** An event as the dashboard keeps it: small, and text but for its age. */
export class EventEntry {
  /** Its place among those that are kept; `undefined`: it is not kept. */
  readonly id: number | undefined
  readonly type: string
  readonly level: EventLevel
  readonly service: string | undefined
  readonly #atMs: number
  readonly #json: string

  constructor(fields: Pick<EventEntry, 'id' | 'type' | 'level' | 'service'>, json: string, atMs: number) {
    this.id = fields.id
    this.type = fields.type
    this.level = fields.level
    this.service = fields.service
    this.#json = json
    this.#atMs = atMs
  }

  /** As a server-sent event. JSON has no line break, so that nothing in an event ends it. */
  text(nowMs: number): string {
    const id = this.id === undefined ? '' : `id: ${this.id}\n`
    const agoMs = Math.max(0, Math.round(nowMs - this.#atMs))
    return `${id}data: {"agoMs":${agoMs},${this.#json.slice(1)}\n\n`
  }
}
