import { rejectOption } from '@lb/core/authoring'
import type { MethodConfig } from './grpc-module.ts'

/** What a channel's `grpc.service_config` says of its calls. Its `loadBalancingConfig` has no effect: lb chooses. */
export interface CallPolicies {
  readonly methodConfig: readonly MethodConfig[]
  readonly retryThrottling: { readonly maxTokens: number; readonly tokenRatio: number } | undefined
}

/** As `MethodConfig`, with durations as JSON has them. */
type JsonMethodConfig = Omit<MethodConfig, 'timeout'> & { readonly timeout?: unknown }

/** @throws InvalidOptionError for what is no JSON. grpc-js itself refuses what is no service config. */
export function callPolicies(json: unknown): CallPolicies {
  if (typeof json !== 'string') return { methodConfig: [], retryThrottling: undefined }
  const config: { methodConfig?: JsonMethodConfig[]; retryThrottling?: CallPolicies['retryThrottling'] } = parsed(json)
  return {
    methodConfig: (config.methodConfig ?? []).map(({ timeout, ...rest }) => {
      const duration = durationOf(timeout)
      return duration === undefined ? rest : { ...rest, timeout: duration }
    }),
    retryThrottling: config.retryThrottling,
  }
}

function parsed(json: string): object {
  try {
    return Object(JSON.parse(json))
  } catch {
    return rejectOption('grpc.service_config', 'JSON', json)
  }
}

function durationOf(value: unknown): MethodConfig['timeout'] | undefined {
  if (typeof value === 'string') {
    const seconds = Number.parseFloat(value)
    return { seconds: Math.floor(seconds), nanos: Math.round((seconds % 1) * 1e9) }
  }
  if (typeof value !== 'object' || value === null || !('seconds' in value && 'nanos' in value)) return undefined
  return { seconds: Number(value.seconds), nanos: Number(value.nanos) }
}

/** Finds the configuration of a method: by its own name, by that of its service, or the default. */
export class MethodConfigs {
  readonly #byName = new Map<string, MethodConfig>()

  constructor(configs: readonly MethodConfig[]) {
    // Of two for one name the first counts.
    for (const config of configs.toReversed()) {
      for (const { service = '', method = '' } of config.name) this.#byName.set(`/${service}/${method}`, config)
    }
  }

  /** Hot. `method`: `/users.v1.Users/GetUser`. */
  of(method: string): MethodConfig | undefined {
    const configs = this.#byName
    if (configs.size === 0) return undefined
    return configs.get(method) ?? configs.get(method.slice(0, method.lastIndexOf('/') + 1)) ?? configs.get('//')
  }
}
