import { maxHeaderSize } from 'node:http'
import { checkDurationMs, checkInteger, checkKeys } from '@lb/core/authoring'

/** How the connections to instances are kept. Requests are never pipelined. */
export interface PoolOptions {
  /**
   * The most connections to one instance. A request beyond them waits for a free one, as long as a connection may take to be made, and
   * then fails with `LB_OVERLOADED`. An integer ≥ 1. Default: no limit. Prefer `maxInFlightPerInstance`, which chooses another instance.
   */
  readonly connections?: number | undefined
  /**
   * The longest that an idle connection is kept, in milliseconds; 0: none is used twice. An instance that announces a shorter time
   * (`Keep-Alive: timeout=n`) is believed, less a second. Default: what the instance announces, less a second and at most 60 000, or
   * 1 000 if it announces nothing.
   */
  readonly keepAliveTimeoutMs?: number | undefined
  /** The longest header of a response, in bytes, 1 024 to 16 777 216. Default: Node's `--max-http-header-size`, 16 384. */
  readonly maxHeaderBytes?: number | undefined
}

/** How long an idle connection is kept if its instance announces nothing, in milliseconds: half of what gunicorn gives it. */
export const unannouncedIdleMs = 1_000
/** How long one is kept at most, whatever its instance announces, in milliseconds. */
export const longestIdleMs = 60_000
/** How long before the announced time an idle connection is closed, in milliseconds: a request may be on its way then. */
export const announcedMarginMs = 1_000

/** @throws InvalidOptionError */
export function checkPoolOptions(path: string, options: PoolOptions | undefined): void {
  if (options === undefined) return
  checkKeys(path, options, ['connections', 'keepAliveTimeoutMs', 'maxHeaderBytes'])
  checkInteger(`${path}.connections`, options.connections, 1, Number.MAX_SAFE_INTEGER)
  checkDurationMs(`${path}.keepAliveTimeoutMs`, options.keepAliveTimeoutMs)
  checkInteger(`${path}.maxHeaderBytes`, options.maxHeaderBytes, 1_024, 16_777_216)
}

/** What undici's pools are given, by its own names. */
export interface PoolSettings {
  /** The most connections to one instance; `null`: no limit. */
  readonly connections: number | null
  /** Requests at a time on one connection; 0: one, and no other after it. */
  readonly pipelining: number
  /** How long an idle connection is kept if its instance announces nothing, in milliseconds. */
  readonly keepAliveTimeout: number
  /** The longest that an idle connection is kept, in milliseconds. */
  readonly keepAliveMaxTimeout: number
  /** What is taken off an announced time, in milliseconds. */
  readonly keepAliveTimeoutThreshold: number
  /** The longest header of a response, in bytes. */
  readonly maxHeaderSize: number
}

/** What undici's pools are given for `options`, with every default. */
export function poolSettings(options: PoolOptions = {}): PoolSettings {
  const { connections = null, keepAliveTimeoutMs, maxHeaderBytes = maxHeaderSize } = options
  return {
    connections,
    // Without any, undici says `Connection: close`.
    pipelining: keepAliveTimeoutMs === 0 ? 0 : 1,
    keepAliveTimeout: keepAliveTimeoutMs || unannouncedIdleMs,
    keepAliveMaxTimeout: keepAliveTimeoutMs || longestIdleMs,
    keepAliveTimeoutThreshold: announcedMarginMs,
    maxHeaderSize: maxHeaderBytes,
  }
}
