import { InvalidOptionError } from '../../base/errors.ts'
import { checkDurationMs, checkInteger, rejectOption } from '../../base/option-checks.ts'
import {
  checkOptions,
  type DefaultedOption,
  durationOption,
  functionOption,
  integerOption,
  numberOption,
  type Option,
  type OptionTable,
  objectOption,
} from '../../base/option-table.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { type HealthCheckTls, healthCheckTlsOption } from './tls.ts'

/**
 * Checks whether one instance is healthy. `false`, an error or a rejection is a failure. The probe must end when
 * `signal` is aborted: its time is over, or the result is no longer needed.
 */
export interface HealthProbe {
  (
    instance: ServiceInstance,
    context: { readonly signal: AbortSignal },
  ): boolean | HealthProbeResult | Promise<boolean | HealthProbeResult>
  /**
   * Follows the health of an instance that the instance itself announces. Called when a probe has passed, once; it ends with `close()` of
   * the returned object. It must bound how often it calls the observer.
   */
  readonly watch?: ((instance: ServiceInstance, observer: HealthObserver) => { close(): void }) | undefined
}

/** Receives what an instance announces of its health. */
export interface HealthObserver {
  /** The health is this, from now on. It counts at once, whatever the thresholds; probes are sent every `idleIntervalMs`. */
  next(result: boolean | HealthProbeResult): void
  /** Nothing is announced any more: probes are sent as without `watch`, the first one at once, until `next` is called again. */
  lost(): void
}

/** The result of a probe. */
export interface HealthProbeResult {
  /** Whether the instance is healthy. */
  readonly healthy: boolean
  /** The reason, for people. Status and events show it, so it must not contain secrets. @default undefined */
  readonly reason?: string | undefined
  /**
   * A failure that counts at once, whatever the threshold: the instance itself announces that it is going.
   * @default false
   */
  readonly immediate?: boolean | undefined
}

/** How the health of the instances of a service is checked. Every field has a default. */
export interface HealthCheckOptions {
  /** Path of the HTTP probe, with a leading `/`. @default '/health' */
  readonly path?: string | undefined
  /** Method of the HTTP probe, in capitals. @default 'GET' */
  readonly method?: string | undefined
  /** Headers of the HTTP probe. They may contain secrets: no error, event or status shows them. @default {} */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Statuses of a healthy response. Redirects are not followed. @default [200] */
  readonly expectedStatuses?: readonly number[] | undefined
  /**
   * Whether this is the body of a healthy response. It receives the first 64 KiB. With it, a body that breaks off, or is
   * not complete within `timeoutMs`, is a failure.
   * @default undefined: the body is not read
   */
  readonly expectedBody?: ((body: string) => boolean) | undefined
  /**
   * A response with this header makes the instance unhealthy at once, whatever its status and the threshold. Source:
   * the immediate failure of Envoy's HTTP health checker.
   * @default 'x-immediate-health-check-fail'
   */
  readonly immediateFailHeader?: string | undefined
  /** The port of the HTTP probe. @default the port of the instance */
  readonly port?: number | undefined
  /**
   * How `secure` instances are verified, for a private authority above all: `{ ca }`. Needs `node:https`.
   * @default what the global `fetch` trusts
   */
  readonly tls?: HealthCheckTls | undefined
  /**
   * A probe instead of the HTTP probe: the TCP probe of an adapter, or your own function. The options of the HTTP probe
   * then have no effect.
   * @default the HTTP probe, by the global `fetch`, which does not connect to the ports that browsers block
   */
  readonly probe?: HealthProbe | undefined
  /** Time between the end of one probe and the next, in milliseconds. @default 5_000 */
  readonly intervalMs?: number | undefined
  /**
   * Time between probes of a healthy instance while no request goes to its service, in milliseconds, at least
   * `intervalMs`. When requests return, the instance is probed again within `intervalMs`.
   * @default 60_000 like Envoy's `no_traffic_interval`, or `intervalMs` if that is longer
   */
  readonly idleIntervalMs?: number | undefined
  /** A probe that takes longer, in milliseconds, is aborted and counts as a failure. @default 2_000 */
  readonly timeoutMs?: number | undefined
  /** Consecutive successes that make an unhealthy instance healthy, from 1 to 1 000. @default 2 */
  readonly healthyThreshold?: number | undefined
  /** Consecutive failures that make a healthy instance unhealthy, from 1 to 1 000. @default 3 */
  readonly unhealthyThreshold?: number | undefined
  /** Random part of each delay, from 0 to 1; delays only become shorter. @default 0.2 */
  readonly jitter?: number | undefined
  /**
   * The first probe is sent at a random time within this many milliseconds, so that a fleet that starts together does
   * not probe together.
   * @default 1_000, or `intervalMs` if that is shorter
   */
  readonly initialJitterMs?: number | undefined
  /** How long an instance that left the registry is kept while it passes its probes, in milliseconds. @default 0 */
  readonly keepRemovedMs?: number | undefined
}

/** The options of `HealthCheckOptions` that shape a request or judge its response. */
export type HttpProbeOptions = Pick<
  HealthCheckOptions,
  'path' | 'method' | 'headers' | 'expectedStatuses' | 'expectedBody' | 'immediateFailHeader' | 'port' | 'tls'
>

/** An option with a default, checked by `check` where it is given. */
function checked<Value>(legal: string, value: Value, check: Option<Value>['check']): DefaultedOption<Value> {
  return {
    legal,
    default: value,
    check: (path, given) => {
      if (given !== undefined) check(path, given)
    },
  }
}

/** What may be said of the HTTP probe. */
export const httpProbeTable: OptionTable<HttpProbeOptions, 'expectedBody' | 'port' | 'tls'> = {
  path: checked('path with a leading /, without spaces, #, or characters beyond ASCII', '/health', checkPath),
  method: checked('HTTP method in capitals, other than CONNECT, TRACE and TRACK', 'GET', checkMethod),
  headers: { ...checked('object of header names and values', {}, checkHeaders), copied: true },
  expectedStatuses: {
    ...checked('array of integers in [200, 599] that is not empty', [200], checkStatuses),
    copied: true,
  },
  expectedBody: functionOption(),
  immediateFailHeader: checked('name of a header', 'x-immediate-health-check-fail', checkHeaderName),
  port: integerOption({ min: 1, max: 65_535 }),
  tls: healthCheckTlsOption,
}

/** What may be said of health checks. */
export const healthCheckTable: OptionTable<
  HealthCheckOptions,
  'expectedBody' | 'port' | 'tls' | 'probe' | 'idleIntervalMs' | 'initialJitterMs'
> = {
  ...httpProbeTable,
  probe: functionOption(),
  intervalMs: durationOption({ min: 1, default: 5_000 }),
  idleIntervalMs: { ...durationOption({ min: 1 }), legal: 'milliseconds ≥ intervalMs' },
  timeoutMs: durationOption({ min: 1, default: 2_000 }),
  healthyThreshold: integerOption({ min: 1, max: 1_000, default: 2 }),
  unhealthyThreshold: integerOption({ min: 1, max: 1_000, default: 3 }),
  jitter: numberOption({ max: 1, default: 0.2 }),
  initialJitterMs: durationOption({}),
  keepRemovedMs: durationOption({ default: 0 }),
}

/** Checks of their health, or `false`: none. */
export const healthCheckOption: DefaultedOption<HealthCheckOptions | false> = {
  ...objectOption<HealthCheckOptions>(healthCheckTable, false),
  check: (path, given) => {
    if (given !== undefined && given !== false) checkHealthCheckOptions(path, given)
  },
}

/** @throws InvalidOptionError, also when there is no global `fetch` and no `probe` in its place */
export function checkHealthCheckOptions(
  path: string,
  options: unknown,
  further: Readonly<Record<string, Option<unknown>>> = {},
): void {
  checkOptions(path, options, { ...healthCheckTable, ...further })
  const {
    probe,
    idleIntervalMs,
    intervalMs = healthCheckTable.intervalMs.default,
  }: HealthCheckOptions = Object(options)
  checkDurationMs(`${path}.idleIntervalMs`, idleIntervalMs, { min: intervalMs })
  if (probe === undefined && typeof globalThis.fetch !== 'function') {
    rejectOption(`${path}.probe`, 'given where there is no global fetch', probe)
  }
}

const token = /^[\w!#$%&'*+.^`|~-]+$/

// Spaces and other scripts would arrive spelt differently, a fragment not at all.
function checkPath(path: string, target: unknown): void {
  if (typeof target === 'string' && /^\/[!"$-~]*$/.test(target)) return
  rejectOption(path, 'a path that starts with "/", without spaces, "#" or characters beyond ASCII', target)
}

function checkMethod(path: string, method: unknown): void {
  if (typeof method === 'string' && /^[A-Z-]+$/.test(method) && !unsendableMethods.has(method)) return
  rejectOption(path, 'an HTTP method in capitals, other than CONNECT, TRACE and TRACK', method)
}

function checkHeaderName(path: string, name: unknown): void {
  if (typeof name !== 'string' || !token.test(name)) rejectOption(path, 'the name of a header', name)
}

function checkStatuses(path: string, statuses: unknown): void {
  if (!Array.isArray(statuses) || statuses.length === 0) {
    rejectOption(path, 'an array of HTTP statuses that is not empty', statuses)
  }
  for (const [index, status] of statuses.entries()) checkInteger(`${path}[${index}]`, status ?? Number.NaN, 200, 599)
}

/** Those which fetch refuses. */
const unsendableMethods = new Set(['CONNECT', 'TRACE', 'TRACK'])
/** Those which fetch refuses or replaces: every probe would fail, or not ask what was meant. */
const unsendableHeaders = new Set(['host', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect'])

/** Fetch says what is wrong with a header by quoting it, so nothing wrong may get there. Values are shown nowhere. */
function checkHeaders(path: string, headers: unknown): void {
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) {
    rejectOption(path, 'a plain object of names and values', headers)
  }
  for (const [name, value] of Object.entries(headers)) {
    // What is no name may be a value.
    if (!token.test(name)) rejectOption(path, 'an object whose keys are names of headers', headers)
    const option = `${path}.${name}`
    if (unsendableHeaders.has(name.toLowerCase())) {
      throw new InvalidOptionError(option, `${option} is a header that fetch cannot send. Give a probe that can`)
    }
    if (typeof value !== 'string' || !/^[\t\u0020-\u007E\u0080-\u00FF]*$/.test(value)) {
      const legal = 'a string without line breaks and without characters beyond Latin-1'
      throw new InvalidOptionError(option, `${option} must be ${legal}. Its value is not shown: it may be a secret`)
    }
  }
}
