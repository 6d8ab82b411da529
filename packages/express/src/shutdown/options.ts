import { constants } from 'node:os'
import type { Clock, LoadBalancer } from '@lb/core'
import {
  checkClock,
  checkDurationMs,
  checkFunction,
  checkKeys,
  checkLoadBalancer,
  rejectOption,
  systemClock,
} from '@lb/core/authoring'

/** What `gracefulShutdown` does, in this order, each step bounded. */
export interface GracefulShutdownOptions {
  /** Drained first: what `healthEndpoint()` returned. Default: none. */
  readonly health?: { drain(): void } | undefined
  /** Removed from the registry next: a `Registration`, or a registrar with all of its own. Default: none. */
  readonly registrations?: Registered | readonly Registered[] | undefined
  /**
   * How long the server keeps accepting requests after that, in milliseconds: the time in which clients and load balancers notice. At least
   * one refresh of theirs. Default 5 000.
   */
  readonly noticeMs?: number | undefined
  /** Called when the server has stopped accepting, such as to close WebSockets that no proxy forwards. Default: nothing. */
  readonly onStopping?: (() => unknown) | undefined
  /** How long requests in flight may take after that, in milliseconds; then their connections are destroyed. Default 10 000. */
  readonly drainMs?: number | undefined
  /** Closed when no request is in flight any more. Default: none. */
  readonly lb?: LoadBalancer | readonly LoadBalancer[] | undefined
  /** Called last, such as to close a database or a Nest application. Default: nothing. */
  readonly onClosed?: (() => unknown) | undefined
  /** Signals that start the shutdown; the second one ends the process at once. Default `['SIGTERM', 'SIGINT']`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined
  /** Receives what a step threw, and steps that were not done in time; the others follow all the same. Default: a warning of the process. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Source of time. Default: the system's. */
  readonly clock?: Clock | undefined
}

/** An entry in a registry. */
export type Registered = { deregister(): Promise<unknown> } | { close(): Promise<unknown> }

/** Options with defaults, checked. */
export interface ShutdownSettings {
  readonly health: { drain(): void } | undefined
  readonly registrations: readonly Registered[]
  readonly noticeMs: number
  readonly onStopping: () => unknown
  readonly drainMs: number
  readonly lbs: readonly LoadBalancer[]
  readonly onClosed: () => unknown
  readonly signals: readonly NodeJS.Signals[]
  readonly onError: (error: unknown) => void
  readonly clock: Clock
}

const keys: readonly (keyof GracefulShutdownOptions)[] = [
  'health',
  'registrations',
  'noticeMs',
  'onStopping',
  'drainMs',
  'lb',
  'onClosed',
  'signals',
  'onError',
  'clock',
]

/** @throws InvalidOptionError */
export function shutdownSettings(options: GracefulShutdownOptions): ShutdownSettings {
  checkKeys('gracefulShutdown', options, keys)
  const { health, registrations = [], noticeMs = 5_000, drainMs = 10_000, lb = [], clock = systemClock } = options
  if (health !== undefined && typeof health?.drain !== 'function') {
    rejectOption('gracefulShutdown.health', 'what healthEndpoint() returns', health)
  }
  for (const each of oneOrMore<Registered>(registrations)) {
    const isRegistered = each !== null && ('deregister' in Object(each) || 'close' in Object(each))
    if (!isRegistered) rejectOption('gracefulShutdown.registrations', 'registrations or registrars', each)
  }
  checkDurationMs('gracefulShutdown.noticeMs', noticeMs)
  checkDurationMs('gracefulShutdown.drainMs', drainMs)
  for (const each of oneOrMore<LoadBalancer>(lb)) checkLoadBalancer('gracefulShutdown.lb', each)
  for (const name of ['onStopping', 'onClosed', 'onError'] as const) {
    checkFunction(`gracefulShutdown.${name}`, options[name])
  }
  checkClock('gracefulShutdown.clock', clock)
  return {
    health,
    registrations: oneOrMore(registrations),
    noticeMs,
    onStopping: options.onStopping ?? nothing,
    drainMs,
    lbs: oneOrMore(lb),
    onClosed: options.onClosed ?? nothing,
    signals: checkedSignals(options.signals),
    onError: options.onError ?? warn,
    clock,
  }
}

export function oneOrMore<T extends object>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}

/** Signals that end or stop a process at once. */
const unhandled: ReadonlySet<unknown> = new Set(['SIGKILL', 'SIGSTOP'])

function checkedSignals(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): readonly NodeJS.Signals[] {
  const expected = 'an array of signals of this system, such as SIGTERM, that a process can handle'
  if (!Array.isArray(signals)) rejectOption('gracefulShutdown.signals', expected, signals)
  const unknown = signals.find((each) => !Object.hasOwn(constants.signals, each) || unhandled.has(each))
  return unknown === undefined ? signals : rejectOption('gracefulShutdown.signals', expected, unknown)
}

function nothing(): void {}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
