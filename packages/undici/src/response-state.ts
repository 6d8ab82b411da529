import type { Duplex } from 'node:stream'
import type { ResponseSink } from './response-sink.ts'

/**
 * - `coming`: not decided on; what arrives is held, up to a limit
 * - `complete`, `broken`: not decided on, and nothing more will arrive
 * - `passing`: goes to its sink
 * - `upgraded`: became a connection
 * - `unwanted`: what is left is read if that is little, else the connection is given up
 * - `over`: nothing more happens
 */
export type ResponseState<Trailers> =
  | { readonly is: 'coming'; held: Buffer[]; bytes: number }
  | { readonly is: 'complete'; readonly held: Buffer[]; readonly trailers: Trailers }
  | { readonly is: 'broken'; readonly held: Buffer[]; readonly error: Error }
  | Passing<Trailers>
  | { readonly is: 'upgraded'; readonly socket: Duplex }
  | { readonly is: 'unwanted'; readonly reason: Error; bytes: number }
  | { readonly is: 'over' }

/** What is known of a response while it goes to its sink. */
export interface Passing<Trailers> {
  readonly is: 'passing'
  readonly sink: ResponseSink<Trailers>
  held: Buffer[]
  /** How the response ended, when it did. */
  ending: { readonly trailers: Trailers } | { readonly error: Error } | undefined
  isPaused: boolean
  isDelivering: boolean
  isAborted: boolean
}

/** Nothing more happens. */
export const over = { is: 'over' } as const
