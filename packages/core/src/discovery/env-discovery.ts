import type { Clock } from '../base/clock.ts'
import { InvalidInstanceError } from '../base/errors.ts'
import { checkDurationMs, checkKeys, rejectOption } from '../base/option-checks.ts'
import { DefinedDiscovery } from './define-discovery.ts'
import { type InstanceList, readInstances } from './instance-list.ts'

/** Options of `EnvDiscovery`. */
export interface EnvDiscoveryOptions {
  /** The variables, such as `process.env`. They are read at every query, and never written. */
  readonly env: Readonly<Record<string, string | undefined>>
  /**
   * Names of endpoints, in order of preference: a service is reached by the first of them that it has.
   * @default ['https', 'http']
   */
  readonly endpoints?: readonly string[] | undefined
  /** How often a watch reads the variables, in milliseconds, ≥ 1. @default 10_000 */
  readonly pollIntervalMs?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
}

/** A variable of one service. */
interface Variable {
  readonly name: string
  /** Lower case. */
  readonly endpoint: string
  readonly index: number
  readonly value: string
}

/** Greedy at first: a name of a service may contain two underscores, the rest may not. */
const form = /^services__(.+)__((?:(?!__).)+)__(\d{1,9})$/i

const owner = 'EnvDiscovery'

/**
 * Instances from environment variables of the form `services__NAME__ENDPOINT__INDEX`, one URL or `host:port` each:
 *
 *     // services__user-service__http__0=http://10.0.1.12:8080
 *     // services__user-service__http__1=http://10.0.1.13:8080
 *     new EnvDiscovery({ env: process.env })
 *
 * Names are compared without case, and with `_` for every character that is neither a letter nor a digit: shells allow no
 * others. A service without a variable has no instances. A watch reads the variables every `pollIntervalMs`.
 *
 * Source: .NET service discovery, "Configuration-based endpoint resolver", as .NET Aspire writes the variables.
 */
export class EnvDiscovery extends DefinedDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: EnvDiscoveryOptions) {
    checkOptions(options)
    const { env, endpoints = ['https', 'http'], pollIntervalMs = 10_000, clock } = options
    const preferred = endpoints.map((endpoint) => endpoint.toLowerCase())
    super({
      service: (service) => ({ ask: async () => list(env, service, preferred) }),
      poll: { intervalMs: pollIntervalMs },
      clock,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'EnvDiscovery'
  }
}

function list(env: EnvDiscoveryOptions['env'], service: string, endpoints: readonly string[]): InstanceList {
  const variables = variablesOf(env, service)
  const endpoint = endpoints.find((name) => variables.some((variable) => variable.endpoint === name))
  const chosen = variables.filter((variable) => variable.endpoint === endpoint)
  return readInstances(
    chosen.sort((one, other) => one.index - other.index),
    instanceOf,
    ({ name }) => name,
  )
}

function variablesOf(env: Readonly<Record<string, string | undefined>>, service: string): Variable[] {
  const wanted = comparable(service)
  return Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined || value === '') return []
    const [, of = '', endpoint = '', index] = form.exec(name) ?? []
    if (comparable(of) !== wanted) return []
    return [{ name, endpoint: endpoint.toLowerCase(), index: Number(index), value }]
  })
}

function comparable(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '_')
}

function instanceOf({ endpoint, value }: Variable): string {
  // The message for an address that makes no sense shows it.
  if (value.includes('@')) {
    const remedy = 'Leave out user and password'
    throw new InvalidInstanceError('instance', `instance must be a URL or "host:port", without credentials. ${remedy}`)
  }
  return endpoint === 'https' && !value.includes('://') ? `https://${value}` : value
}

function checkOptions(options: EnvDiscoveryOptions): void {
  checkKeys(owner, options, ['env', 'endpoints', 'pollIntervalMs', 'clock'])
  const { env, endpoints = ['http'] } = options
  if (typeof env !== 'object' || env === null) {
    // Not shown: variables may hold secrets.
    rejectOption(`${owner}.env`, 'an object of variables, such as process.env', typeof env)
  }
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    rejectOption(`${owner}.endpoints`, 'an array of one or more names', endpoints)
  }
  for (const [index, endpoint] of endpoints.entries()) {
    if (typeof endpoint === 'string' && endpoint !== '') continue
    rejectOption(`${owner}.endpoints[${index}]`, 'a name such as "http"', endpoint)
  }
  checkDurationMs(`${owner}.pollIntervalMs`, options.pollIntervalMs, { min: 1 })
}
