import {
  type Complete,
  checkBoolean,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  rejectOption,
} from '@lb/core/authoring'
import { type ConsulConnectionOptions, checkText, connectionKeys } from './connection-options.ts'

/** The registrar reports again and again that the instance is well. */
export interface TtlCheckOptions {
  /** How long one report is valid, in milliseconds, ≥ 1 000; the registrar renews it after a third of that. @default 15_000 */
  readonly ttlMs: number
}

/** The agent sends requests to the instance. */
export interface HttpCheckOptions {
  /** A path of the instance, such as `"/health"`, or a URL. */
  readonly http: string
  /** Time between two checks, in milliseconds, ≥ 1 000; the registrar checks as often that the agent still knows the instance. @default 10_000 */
  readonly intervalMs?: number | undefined
  /** Time limit for the response, in milliseconds, ≥ 1. @default 5_000 */
  readonly timeoutMs?: number | undefined
  /** `true`: the agent accepts any certificate of the instance. @default false */
  readonly tlsSkipVerify?: boolean | undefined
}

/** Options of `ConsulRegistrar`. */
export interface ConsulRegistrarOptions extends ConsulConnectionOptions {
  /** Tags of every instance that is registered. @default none */
  readonly tags?: readonly string[] | undefined
  /** How the agent learns that an instance is well. @default { ttlMs: 15_000 } */
  readonly check?: TtlCheckOptions | HttpCheckOptions | undefined
  /** The weight of an instance whose checks warn; an integer in [0, 65 535]. @default 1 */
  readonly warningWeight?: number | undefined
  /** The key of the metadata that gets the zone of an instance. @default 'zone' */
  readonly zoneKey?: string | undefined
  /**
   * How long an instance may be critical until the agent drops it, in milliseconds: at least 60 000, `Infinity` for ever. The registrar
   * registers it again as long as it lives.
   * @default 60_000
   */
  readonly deregisterCriticalAfterMs?: number | undefined
  /** Called with every failure after the first registration; the registrar goes on by itself. @default failures are dropped */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The options with every default filled in. */
export interface RegistrarSettings {
  readonly tags: readonly string[]
  readonly check: TtlCheckOptions | Complete<HttpCheckOptions>
  readonly warningWeight: number
  readonly zoneKey: string
  readonly deregisterCriticalAfterMs: number
}

const registrarKeys: readonly (keyof ConsulRegistrarOptions)[] = [
  ...connectionKeys,
  'tags',
  'check',
  'warningWeight',
  'zoneKey',
  'deregisterCriticalAfterMs',
  'onError',
]

/** Those of the connection are checked by `connectionOf`. @throws InvalidOptionError */
export function registrarSettings(path: string, options: ConsulRegistrarOptions): RegistrarSettings {
  checkKeys(path, options, registrarKeys)
  const { tags = [], check = { ttlMs: 15_000 } } = options
  if (!Array.isArray(tags)) rejectOption(`${path}.tags`, 'an array of texts', tags)
  for (const [index, tag] of tags.entries()) checkText(`${path}.tags[${index}]`, tag ?? null)
  checkInteger(`${path}.warningWeight`, options.warningWeight, 0, 65_535)
  checkText(`${path}.zoneKey`, options.zoneKey)
  checkDurationMs(`${path}.deregisterCriticalAfterMs`, options.deregisterCriticalAfterMs, {
    min: 60_000,
    infinite: true,
  })
  checkFunction(`${path}.onError`, options.onError)
  return {
    tags: [...tags],
    check: checkSettings(`${path}.check`, check),
    warningWeight: options.warningWeight ?? 1,
    zoneKey: options.zoneKey ?? 'zone',
    deregisterCriticalAfterMs: options.deregisterCriticalAfterMs ?? 60_000,
  }
}

function checkSettings(path: string, check: TtlCheckOptions | HttpCheckOptions): RegistrarSettings['check'] {
  if (typeof check !== 'object' || check === null || !('http' in check)) {
    checkKeys(path, check, ['ttlMs'])
    if (check.ttlMs === undefined) rejectOption(path, '{ ttlMs } or { http }', check)
    checkDurationMs(`${path}.ttlMs`, check.ttlMs, { min: 1_000 })
    return { ttlMs: check.ttlMs }
  }
  checkKeys(path, check, ['http', 'intervalMs', 'timeoutMs', 'tlsSkipVerify'])
  const { http, intervalMs = 10_000, timeoutMs = 5_000, tlsSkipVerify = false } = check
  if (typeof http !== 'string' || !/^(?:\/|https?:\/\/)/i.test(http)) {
    rejectOption(`${path}.http`, 'a path such as "/health", or a URL', http)
  }
  checkDurationMs(`${path}.intervalMs`, intervalMs, { min: 1_000 })
  checkDurationMs(`${path}.timeoutMs`, timeoutMs, { min: 1 })
  checkBoolean(`${path}.tlsSkipVerify`, tlsSkipVerify)
  return { http, intervalMs, timeoutMs, tlsSkipVerify }
}
