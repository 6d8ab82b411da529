/** One thing that is counted, with every place where it was found. */
export interface Figure {
  readonly name: string
  readonly value: number
  /** The gate fails above it. */
  readonly limit: number
  /** The worst first, as `path:line what`. */
  readonly places: readonly string[]
}
