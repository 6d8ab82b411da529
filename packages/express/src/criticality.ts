import type { IncomingMessage } from 'node:http'
import type { Criticality } from '@lb/core'
import {
  type CriticalityRule,
  checkCriticalityHeader,
  checkKeys,
  criticalityHeader,
  criticalityHeaderName,
  criticalityOf,
  isCriticality,
  rejectOption,
} from '@lb/core/authoring'
import { valueOfHook } from './errors.ts'
import { setField } from './headers.ts'

/** The class of a request is what its client says in the header, but never above `headerAtMost`. */
export interface HeaderCriticality {
  /** The highest class that a client can ask for. A request that asks for more, for none, or for one that is unknown, gets at most this. */
  readonly headerAtMost: Criticality
}

/** What requests are worth, and to whom the proxy says so. */
export interface CriticalityOptions {
  /**
   * What a request is worth if the service is overloaded: the lowest class is refused first. A class for all requests; a function of the
   * request, in which no class means `default`; `'header'`: what the client says in `x-lb-criticality`, for clients that are trusted; or
   * `{ headerAtMost }`: the same up to a class. A value that is no class is `default`. Default: `default`, whatever the client says.
   */
  readonly criticality?: CriticalityRule<IncomingMessage> | 'header' | HeaderCriticality | undefined
  /**
   * Says the class of the request to the instance: `true` in the header `x-lb-criticality`, a string in the header of that name, which is
   * then also the one that clients use. The proxy never forwards what a client says there. Default false: no header.
   */
  readonly criticalityHeader?: boolean | string | undefined
}

/**
 * Finds the class of a request, and adds it to `headers` where that is an option.
 *
 * @throws HookFailure
 */
export type CriticalityOfRequest = (request: IncomingMessage, headers: string[]) => Criticality | undefined

/** @throws InvalidOptionError */
export function checkCriticality(path: string, { criticality, criticalityHeader: header }: CriticalityOptions): void {
  checkCriticalityHeader(`${path}.criticalityHeader`, header)
  if (criticality === 'header') return
  if (typeof criticality === 'object' && criticality !== null) {
    checkKeys(`${path}.criticality`, criticality, ['headerAtMost'])
    const { headerAtMost } = criticality
    if (isCriticality(headerAtMost)) return
    rejectOption(`${path}.criticality.headerAtMost`, 'one of critical, default, sheddable', headerAtMost)
  }
  if (typeof criticality === 'function' || criticality === undefined || isCriticality(criticality)) return
  rejectOption(
    `${path}.criticality`,
    "one of critical, default, sheddable, 'header', { headerAtMost } or a function",
    criticality,
  )
}

/** `undefined` when all options are off. */
export function criticalityOfRequest(options: CriticalityOptions): CriticalityOfRequest | undefined {
  const { criticality } = options
  const sent = criticalityHeaderName(options.criticalityHeader)
  if (criticality === undefined && sent === undefined) return undefined
  const find = finder(criticality, sent ?? criticalityHeader)
  return (request, headers) => {
    const found = find(request)
    if (sent !== undefined) setField(headers, sent, found ?? 'default')
    return found
  }
}

function finder(
  criticality: CriticalityOptions['criticality'],
  header: string,
): (request: IncomingMessage) => Criticality | undefined {
  if (criticality === undefined) return () => undefined
  if (typeof criticality === 'function') return (request) => valueOfHook(() => criticalityOf(criticality, request))
  if (criticality === 'header') return ({ headers }) => classIn(headers[header])
  if (typeof criticality === 'string') return () => criticality
  const { headerAtMost } = criticality
  return ({ headers }) => lower(classIn(headers[header]), headerAtMost)
}

/** The name of a class, and nothing else: Node joins the values of several headers. */
function classIn(value: unknown): Criticality {
  return isCriticality(value) ? value : 'default'
}

function lower(one: Criticality, other: Criticality): Criticality {
  if (one === 'sheddable' || other === 'critical') return one
  return one === 'critical' || other === 'sheddable' ? other : one
}
