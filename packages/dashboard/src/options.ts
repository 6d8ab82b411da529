import type { Clock } from '@lb/core'
import { checkClock, checkFunction, checkInteger, checkKeys, rejectOption, systemClock } from '@lb/core/authoring'
import type { ControlVerb } from './api.ts'

/** What a request is about to change. */
export interface DashboardAction {
  /** What is to be done. */
  readonly type: ControlVerb
  /** The name of the service. */
  readonly service: string
  /** The id of the instance; absent for `shares`. */
  readonly instance?: string | undefined
  /** The weight that is asked for. */
  readonly weight?: number | undefined
  /** The shares that are asked for; `null`: the service's own. */
  readonly shares?: Readonly<Record<string, number>> | null | undefined
}

/** A request that asks for a change. */
export interface AuthorizedRequest {
  /** The value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  /** The request of the server: of `node:http`, Express (with what middlewares put on it), or a web `Request`. */
  readonly raw: object
}

/** Who asks for a change. */
export interface Identity {
  /** Stands as `by` in events and in `inspect()`. */
  readonly by: string
}

/**
 * Decides whether a request may make a change. It returns who asks for it, or `false` (also `undefined`): 401 if the request has no
 * credentials, else 403. What it throws refuses the request with 403, and is only in the event, not in the response. So does a
 * promise that is not settled within 30 seconds.
 */
export type Authorize = (
  request: AuthorizedRequest,
  action: DashboardAction,
) => Identity | false | undefined | Promise<Identity | false | undefined>

/** How a dashboard looks, and who may use it. */
export interface DashboardOptions {
  /** Stands above the page, at most 100 characters. @default `lb` */
  readonly title?: string | undefined
  /** Decides who may change something. @default undefined: the dashboard only reads */
  readonly authorize?: Authorize | undefined
  /**
   * Names under which the dashboard is reached, without port: `ops.example.com`, `*.example.com`, or `*` for any. `localhost` and IP
   * addresses are always served. Another name is refused, because it may be an attacker's that resolves to this server (DNS rebinding).
   * @default []
   */
  readonly hosts?: readonly string[] | undefined
  /** How many streams of events may be open at once, 1 to 1000. @default 16 */
  readonly maxStreams?: number | undefined
  /** Source of time. @default the system's */
  readonly clock?: Clock | undefined
}

/** Options with defaults. */
export interface DashboardSettings {
  readonly title: string
  readonly authorize: Authorize | undefined
  readonly hosts: readonly string[]
  readonly maxStreams: number
  readonly clock: Clock
}

/** @throws InvalidOptionError */
export function dashboardSettings(options: DashboardOptions): DashboardSettings {
  checkKeys('dashboard', options, ['title', 'authorize', 'hosts', 'maxStreams', 'clock'])
  const { title = 'lb', authorize, hosts = [], maxStreams = 16, clock = systemClock } = options
  if (typeof title !== 'string' || title.length > 100) {
    rejectOption('dashboard.title', 'a string of at most 100 characters', title)
  }
  checkFunction('dashboard.authorize', authorize)
  checkHosts(hosts)
  checkInteger('dashboard.maxStreams', maxStreams, 1, 1_000)
  checkClock('dashboard.clock', clock)
  return { title, authorize, hosts: [...hosts], maxStreams, clock }
}

function checkHosts(hosts: readonly string[]): void {
  if (!Array.isArray(hosts)) rejectOption('dashboard.hosts', 'an array of host names', hosts)
  for (const [index, host] of hosts.entries()) {
    if (typeof host === 'string' && /^(\*|(\*\.)?[\w-]+(\.[\w-]+)*)$/.test(host)) continue
    rejectOption(`dashboard.hosts[${index}]`, 'a host name without port, *.name, or *', host)
  }
}
