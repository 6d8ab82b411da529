import type { Limits } from './limited.ts'
import type { NameServer } from './name-server.ts'

/** One query to one server, and how its answer is known. */
export interface Exchange extends Limits {
  readonly server: NameServer
  readonly query: Buffer
  /** Whether `message` is the answer to the query. */
  readonly accepts: (message: Buffer) => boolean
}
