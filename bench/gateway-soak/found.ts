/** What the clients of the soak found. */
export class Found {
  /** How many conversations of each kind there were. */
  readonly conversations: Map<string, number> = new Map()
  /** What must not happen. The first of them are kept. */
  readonly faults: string[] = []
  faultCount = 0
  /** POSTs whose client got a 200. */
  readonly confirmed: Set<string> = new Set()
  #posts = 0

  /** A path that no other request has. */
  nextPath(service: string, kind: string): string {
    this.#posts++
    return `/${service}/${kind}-${this.#posts}`
  }

  began(kind: string): void {
    this.conversations.set(kind, (this.conversations.get(kind) ?? 0) + 1)
  }

  fault(text: string): void {
    this.faultCount++
    if (this.faults.length < 20) this.faults.push(text)
  }
}
