import { checkFunction, checkKeys, rejectOption } from '../base/option-checks.ts'
import type { MetadataMatch } from '../instance/metadata-match.ts'
import { checkCriticalityHeader } from '../overload/criticality-header.ts'
import { type CriticalityRule, checkCriticalityRule } from '../overload/criticality-rule.ts'

/** The options that every adapter for an HTTP client has, whatever its client calls a request. */
export interface AdapterOptions {
  /** The service that a URL is meant for. */
  readonly serviceOf?: ((url: URL) => string | undefined) | undefined
  /** What the `Host` header says, when the caller gives none. */
  readonly hostHeader?: 'instance' | 'service' | undefined
  /** The key of a request, for balancers that hash. */
  readonly hashKey?: ((request: never) => string | undefined) | undefined
  /** What the metadata of the instance must say. */
  readonly match?: ((request: never) => MetadataMatch | undefined) | undefined
  /** What the request is worth if the service is overloaded. */
  readonly criticality?: CriticalityRule<never> | undefined
  /** The header that says the class of a request to its instance: `x-lb-criticality`, or another name. */
  readonly criticalityHeader?: boolean | string | undefined
  /** Whether sending the request twice has the effect of once. */
  readonly idempotent?: ((request: never) => boolean) | undefined
}

const common: readonly (keyof AdapterOptions)[] = [
  'serviceOf',
  'hostHeader',
  'hashKey',
  'match',
  'criticality',
  'criticalityHeader',
  'idempotent',
]

/**
 * Checks the options that every adapter has, and that there are no others than these and `further`.
 *
 * @throws InvalidOptionError
 */
export function checkAdapterOptions(path: string, options: AdapterOptions, further: readonly string[] = []): void {
  checkKeys(path, options, [...common, ...further])
  checkFunction(`${path}.serviceOf`, options.serviceOf)
  checkFunction(`${path}.hashKey`, options.hashKey)
  checkFunction(`${path}.match`, options.match)
  checkFunction(`${path}.idempotent`, options.idempotent)
  checkCriticalityRule(`${path}.criticality`, options.criticality)
  checkCriticalityHeader(`${path}.criticalityHeader`, options.criticalityHeader)
  const { hostHeader } = options
  if (hostHeader !== undefined && hostHeader !== 'instance' && hostHeader !== 'service') {
    rejectOption(`${path}.hostHeader`, '"instance" or "service"', hostHeader)
  }
}
