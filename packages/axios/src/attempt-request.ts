import type { Agent } from 'node:http'
import type { AbortSignalLike, AttemptContext } from '@lb/core'
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { withConnectionLimit } from './connection-limit.ts'
import type { KeepAliveAgents } from './keep-alive-agents.ts'

/** The caller's time limit, read as axios reads it; `undefined` when there is none, or none that axios accepts. */
export function timeoutMs({ timeout }: InternalAxiosRequestConfig): number | undefined {
  if (timeout === undefined || timeout === 0) return undefined
  const ms = Number.parseInt(String(timeout), 10)
  return ms > 0 ? ms : undefined
}

/** What is left of the time limit for one attempt. */
export function timeLeft(config: InternalAxiosRequestConfig, { elapsedMs }: AttemptContext): { timeout?: number } {
  const ms = timeoutMs(config)
  return ms === undefined ? {} : { timeout: Math.max(1, Math.ceil(ms - elapsedMs)) }
}

/** What is known of the adapter that an attempt is for. */
export interface AdapterFacts {
  /** It is axios's own http adapter: what it does with a signal is known. */
  readonly isOwn: boolean
  /** The environment may name a proxy. */
  readonly mayBeProxied: boolean
}

/** The request of one attempt, still without its URL. */
export function attemptRequest(
  config: InternalAxiosRequestConfig,
  context: AttemptContext,
  agents: KeepAliveAgents,
  { isOwn, mayBeProxied }: AdapterFacts,
): InternalAxiosRequestConfig {
  const request: InternalAxiosRequestConfig = {
    ...config,
    ...timeLeft(config, context),
    headers: copyOf(config.headers),
    httpAgent: limitedAgent(config.httpAgent) ?? agents.http,
    httpsAgent: limitedAgent(config.httpsAgent) ?? agents.https,
    signal: isOwn ? new AttemptSignal(context) : context.signal,
  }
  // Not deleted: that makes every later read of the object slow.
  if (request.baseURL !== undefined) Object.assign(request, { baseURL: undefined })
  // Spares axios the look into the environment. An agent of the caller's may know of a proxy itself.
  const { httpAgent, httpsAgent } = config
  if (isOwn && !mayBeProxied && httpAgent === undefined && httpsAgent === undefined) request.proxy ??= false
  return request
}

/** What is no agent of Node's is left for the transport to refuse. */
function limitedAgent(agent: unknown): unknown {
  const isAgent = typeof agent === 'object' && agent !== null && 'addRequest' in agent
  return isAgent ? withConnectionLimit(agent as unknown as Agent) : agent
}

/** A copy that the transport may change. Its fields were checked when they were set. */
function copyOf(headers: AxiosHeaders): AxiosHeaders {
  return headers instanceof AxiosHeaders ? Object.assign(new AxiosHeaders(), headers) : new AxiosHeaders(headers)
}

/** The end of an attempt as the signal that axios's own http adapter takes; a real one costs more than all else here. */
export class AttemptSignal implements AbortSignalLike {
  aborted = false
  readonly #listeners = new Set<() => void>()

  constructor(context: AttemptContext) {
    context.onInterrupt(() => this.abort())
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.#listeners) listener()
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener)
  }
}
