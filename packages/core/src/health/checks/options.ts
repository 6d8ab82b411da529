import { InvalidOptionError } from '../../base/errors.ts'
import {
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  checkNumber,
  rejectOption,
} from '../../base/option-checks.ts'
import type { ServiceInstance } from '../../instance/instance.ts'
import { checkHealthCheckTls, type HealthCheckTls } from './tls.ts'

/**
 * Checks whether one instance is healthy. `false`, an error or a rejection is a failure. The probe must end when
 * `signal` is aborted: its time is over, or the result is no longer needed.
 */
export type HealthProbe = (
  instance: ServiceInstance,
  context: { readonly signal: AbortSignal },
) => boolean | HealthProbeResult | Promise<boolean | HealthProbeResult>

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

export const healthCheckKeys: readonly (keyof HealthCheckOptions)[] = [
  'path',
  'method',
  'headers',
  'expectedStatuses',
  'expectedBody',
  'immediateFailHeader',
  'port',
  'tls',
  'probe',
  'intervalMs',
  'idleIntervalMs',
  'timeoutMs',
  'healthyThreshold',
  'unhealthyThreshold',
  'jitter',
  'initialJitterMs',
  'keepRemovedMs',
]

export const defaultIntervalMs = 5_000

/** @throws InvalidOptionError, also when there is no global `fetch` and no `probe` in its place */
export function checkHealthCheckOptions(path: string, options: HealthCheckOptions): void {
  checkKeys(path, options, healthCheckKeys)
  checkRequest(path, options)
  checkAnswer(path, options)
  checkHealthCheckTls(`${path}.tls`, options.tls)
  for (const name of ['intervalMs', 'timeoutMs'] as const) {
    checkDurationMs(`${path}.${name}`, options[name], { min: 1 })
  }
  checkDurationMs(`${path}.idleIntervalMs`, options.idleIntervalMs, { min: options.intervalMs ?? defaultIntervalMs })
  checkDurationMs(`${path}.initialJitterMs`, options.initialJitterMs)
  checkDurationMs(`${path}.keepRemovedMs`, options.keepRemovedMs)
  checkInteger(`${path}.healthyThreshold`, options.healthyThreshold, 1, 1_000)
  checkInteger(`${path}.unhealthyThreshold`, options.unhealthyThreshold, 1, 1_000)
  checkNumber(`${path}.jitter`, options.jitter, 0, 1)
  checkFunction(`${path}.probe`, options.probe)
  if (options.probe === undefined && typeof globalThis.fetch !== 'function') {
    rejectOption(`${path}.probe`, 'given where there is no global fetch', options.probe)
  }
}

const token = /^[\w!#$%&'*+.^`|~-]+$/

function checkRequest(path: string, options: HealthCheckOptions): void {
  const { path: target, method, headers, port } = options
  // Spaces and other scripts would arrive spelt differently, a fragment not at all.
  if (target !== undefined && (typeof target !== 'string' || !/^\/[!"$-~]*$/.test(target))) {
    rejectOption(`${path}.path`, 'a path that starts with "/", without spaces, "#" or characters beyond ASCII', target)
  }
  const methodProblem = typeof method !== 'string' || !/^[A-Z-]+$/.test(method) || unsendableMethods.has(method)
  if (method !== undefined && methodProblem) {
    rejectOption(`${path}.method`, 'an HTTP method in capitals, other than CONNECT, TRACE and TRACK', method)
  }
  if (headers !== undefined) checkHeaders(`${path}.headers`, headers)
  checkInteger(`${path}.port`, port, 1, 65_535)
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

function checkAnswer(path: string, options: HealthCheckOptions): void {
  const { expectedStatuses, expectedBody, immediateFailHeader } = options
  if (expectedStatuses !== undefined) {
    if (!Array.isArray(expectedStatuses) || expectedStatuses.length === 0) {
      rejectOption(`${path}.expectedStatuses`, 'an array of HTTP statuses that is not empty', expectedStatuses)
    }
    for (const [index, status] of expectedStatuses.entries()) {
      checkInteger(`${path}.expectedStatuses[${index}]`, status ?? Number.NaN, 200, 599)
    }
  }
  checkFunction(`${path}.expectedBody`, expectedBody)
  if (
    immediateFailHeader !== undefined &&
    !(typeof immediateFailHeader === 'string' && token.test(immediateFailHeader))
  ) {
    rejectOption(`${path}.immediateFailHeader`, 'the name of a header', immediateFailHeader)
  }
}
