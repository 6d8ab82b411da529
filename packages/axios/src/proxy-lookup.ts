import type { ClientRequest } from 'node:http'
import type { InternalAxiosRequestConfig } from 'axios'
import { isAgent } from './agents.ts'

const proxyVariable = /^(?:npm_config_)?(?:(?:https?|all)_)?proxy$/i

/** Whether the environment may name a proxy. Read once: axios reads it for each request, which takes longer than a pick. */
export function environmentNamesProxy(): boolean {
  return Object.entries(process.env).some(([name, value]) => value !== '' && proxyVariable.test(name))
}

/** Agents that inherit from others. */
const known = new WeakMap<object, unknown>()

/** Whether this version of axios makes a function for redirects out of `proxy: false`. */
let makesFunction = false

/** axios was seen to do so. */
export function falseMakesFunction(): void {
  makesFunction = true
}

/**
 * Spares axios the look for a proxy in the environment, which has none, for each request.
 *
 * `proxy: false` does so, but axios 1.21 makes a function of it that holds on to the request, and V8 allocates that function in the old
 * generation: no request is freed before the next full collection, which takes a fifth of all CPU time. A request that needs no such
 * function therefore gets agents of which axios believes that they know the environment themselves.
 */
export function spareProxyLookup(request: InternalAxiosRequestConfig, direct: boolean): void {
  const { httpAgent, httpsAgent } = request
  // Node's agents may have looked there themselves.
  if (hasProxy(httpAgent) || hasProxy(httpsAgent)) return
  if (direct && makesFunction) {
    request.httpAgent = known.get(httpAgent) ?? knowingNoProxy(httpAgent)
    request.httpsAgent = known.get(httpsAgent) ?? knowingNoProxy(httpsAgent)
  } else request.proxy = false
}

/** Whether Node's agent sends over the proxies of an environment that it was given. */
function hasProxy(agent: unknown): boolean {
  const { options }: { readonly options?: { readonly proxyEnv?: unknown } | null } = Object(agent)
  return options?.proxyEnv !== undefined && options.proxyEnv !== null
}

/** An agent that inherits from `agent`, with the empty environment. */
function knowingNoProxy(agent: unknown): unknown {
  if (!isAgent(agent)) return agent
  const made = known.get(agent)
  if (made !== undefined) return made
  const real: { readonly options?: object; addRequest(request: ClientRequest): void } = Object(agent)
  const inheriting: unknown = Object.create(agent, {
    options: { value: { ...real.options, proxyEnv: {} } },
    // What Node's agent counts is counted by the real one.
    addRequest: { value: real.addRequest.bind(real) },
  })
  known.set(agent, inheriting)
  return inheriting
}
