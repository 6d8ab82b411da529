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

/** The instance says by itself that it is well, again and again: the registrar does. */
export interface TtlCheckOptions {
  /** How long one word of the registrar holds, in milliseconds; it is renewed after a third of that. Default 15 000. */
  readonly ttlMs: number
}

/** The agent asks the instance. */
export interface HttpCheckOptions {
  /** A path of the instance, such as `"/health"`, or a URL. */
  readonly http: string
  /** How often, in milliseconds; the registrar looks as often whether the agent still knows the instance. Default 10 000. */
  readonly intervalMs?: number | undefined
  /** How long the answer may take, in milliseconds. Default 5 000. */
  readonly timeoutMs?: number | undefined
  /** True: the agent accepts any certificate of the instance. Default false. */
  readonly tlsSkipVerify?: boolean | undefined
}

/** Options of `ConsulRegistrar`. */
export interface ConsulRegistrarOptions extends ConsulConnectionOptions {
  /** Tags of every instance that is registered. Default none. */
  readonly tags?: readonly string[] | undefined
  /** How the agent learns that an instance is well. Default `{ ttlMs: 15_000 }`. */
  readonly check?: TtlCheckOptions | HttpCheckOptions | undefined
  /** The weight of an instance whose checks warn; an integer in [0, 65 535]. Default 1. */
  readonly warningWeight?: number | undefined
  /** The key of the metadata that gets the zone of an instance. Default `zone`. */
  readonly zoneKey?: string | undefined
  /**
   * How long an instance may be critical until the agent drops it, in milliseconds: at least 60 000, `Infinity` for ever. The registrar
   * registers it again as long as it lives. Default 60 000.
   */
  readonly deregisterCriticalAfterMs?: number | undefined
  /** Called with every failure after the first registration; the registrar goes on by itself. Default: failures are dropped. */
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
