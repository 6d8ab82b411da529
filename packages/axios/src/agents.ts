import {
  type Agent,
  type AgentOptions,
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { LoadBalancer, ServiceInstance } from '@lb/core'
import { authorityOf, onDeparture, systemClock } from '@lb/core/authoring'
import { announcedMarginMs, connectTimeoutMs, longestIdleMs, unannouncedIdleMs } from '@lb/undici/authoring'
import { limitInterim } from './interim-limit.ts'

/** A connection that may not be established yet. */
export type ConnectingSocket = Socket & Partial<Pick<TLSSocket, 'encrypted'>> & { readonly secureConnecting?: boolean }

/** Ends `socket` with the error of a connection that took too long, as the operating system would word it, unless it is made in time. */
export function limitConnecting(socket: ConnectingSocket): void {
  if (!socket.connecting && socket.secureConnecting !== true) return
  const cancel = systemClock.setTimeout(() => {
    const phase = socket.connecting ? 'connection' : 'TLS handshake'
    const error = new Error(`connect ETIMEDOUT: no ${phase} within ${connectTimeoutMs} ms`)
    socket.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }))
  }, connectTimeoutMs)
  socket.once(socket.encrypted === true ? 'secureConnect' : 'connect', cancel)
  socket.once('close', cancel)
}

const limitedAgents = new WeakMap<Agent, Agent>()

/** What Node asks of an agent, which its types do not know. */
interface RequestTaking {
  addRequest(request: ClientRequest, ...rest: unknown[]): void
}

/** `agent`, with limits for its connections and interim responses. It may be the caller's, so it is inherited from, not changed. */
export function withConnectionLimit(agent: Agent): Agent {
  const known = limitedAgents.get(agent)
  if (known !== undefined) return known
  const made = noticing(agent, (request) => {
    // Emitted for kept connections too, which are connected already.
    request.once('socket', limitConnecting)
    limitInterim(request)
  })
  limitedAgents.set(agent, made)
  return made
}

/**
 * An agent that inherits from `agent`, and calls `onRequest` with each request before `agent` gets it. If that returns true, `agent` does
 * not get it.
 */
export function noticing<T extends Agent>(agent: T, onRequest: (request: ClientRequest) => unknown): T {
  const inner: RequestTaking = Object(agent)
  return Object.create(agent, {
    addRequest: {
      value: (request: ClientRequest, ...rest: unknown[]): void => {
        if (onRequest(request) !== true) inner.addRequest(request, ...rest)
      },
    },
  })
}

/** Whether `value` can be inherited from as an agent. Anything else is left to the transport, which refuses it. */
export function isAgent(value: unknown): value is Agent {
  return typeof value === 'object' && value !== null && 'addRequest' in value
}

export interface KeepAliveAgents {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

const agentOptions: AgentOptions = {
  keepAlive: true,
  // What axios sets on every socket of a request: two values would be two system calls for each request.
  keepAliveMsecs: 60_000,
  // Most recently used first: what is idle longest is what the other side is about to close.
  scheduling: 'lifo',
  maxFreeSockets: 256,
  // No `timeout`, for which Node would add listeners to each request: `keepAlive` limits how long a connection is idle.
}

/** What Node keeps on a connection, which its types do not know. */
interface WithMessage {
  readonly _httpMessage?: { readonly res?: IncomingMessage | null } | null
}

/** The last announcement that was read, and what it means: most instances announce the same. */
let last = { announced: '', idleMs: unannouncedIdleMs }

/** How long a connection may be idle, in milliseconds, given the headers of its last response; 0: it is not used again. */
function idleLimitMs({ 'keep-alive': given = '' }: IncomingHttpHeaders): number {
  const announced = String(given)
  if (announced !== last.announced) last = { announced, idleMs: announcedIdleMs(announced) }
  return last.idleMs
}

function announcedIdleMs(announced: string): number {
  const seconds = /(?:^|,)\s*timeout\s*=\s*(\d+)/i.exec(announced)?.[1]
  if (seconds === undefined) return unannouncedIdleMs
  return Math.min(Math.max(Number(seconds) * 1_000 - announcedMarginMs, 0), longestIdleMs)
}

/**
 * As Node does, but an instance that announces a longer time is believed too. Idle connections are closed before the server closes them:
 * the side that closes first wins the race against the next request.
 */
function keepAlive(socket: Duplex): boolean {
  const { _httpMessage: message }: WithMessage = Object(socket)
  const idleMs = idleLimitMs(message?.res?.headers ?? {})
  if (!(socket instanceof Socket) || idleMs === 0) return false
  socket.setKeepAlive(true, agentOptions.keepAliveMsecs)
  socket.unref()
  if (socket.timeout !== idleMs) socket.setTimeout(idleMs)
  return true
}

class KeepAliveHttpAgent extends HttpAgent {
  override keepSocketAlive(socket: Duplex): boolean {
    return keepAlive(socket)
  }
}

class KeepAliveHttpsAgent extends HttpsAgent {
  override keepSocketAlive(socket: Duplex): boolean {
    return keepAlive(socket)
  }
}

const key = Symbol.for('@lb/axios.keep-alive-agents')

/** The agents of this process, shared by every copy of this package in it. */
export function keepAliveAgents(): KeepAliveAgents {
  const scope: { [key]?: KeepAliveAgents } = Object(globalThis)
  scope[key] ??= {
    http: new KeepAliveHttpAgent(agentOptions),
    https: new KeepAliveHttpsAgent(agentOptions),
  }
  return scope[key]
}

/** Closes idle connections to instances that `lb` no longer knows, and all of its when it is closed. */
export function closeIdleConnections(lb: LoadBalancer, { http, https }: KeepAliveAgents): void {
  onDeparture(lb, (instance) => {
    closeIdle(http, instance)
    closeIdle(https, instance)
  })
}

function closeIdle(agent: HttpAgent, instance: ServiceInstance): void {
  // Agents name their connections by the host as a URL spells it: in lower case, IPv6 shortened.
  const { hostname } = new URL(`http://${authorityOf(instance.host)}`)
  const prefix = `${hostname.replace(/^\[|\]$/g, '')}:${instance.port}:`
  for (const [name, sockets] of Object.entries(agent.freeSockets)) {
    if (!name.startsWith(prefix)) continue
    for (const socket of sockets ?? []) socket.destroy()
  }
}
