// The clients that are compared, each to be started in a process of its own. Every one keeps its connections alive.
import { get, Agent as HttpAgent } from 'node:http'
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch, loadBalanceInterceptor } from '@lb/undici'
import axios, { type AxiosInstance } from 'axios'
import got from 'got'
import * as undici from 'undici'
import { Agent, BalancedPool, type Dispatcher, interceptors, Pool } from 'undici'

/** Gets `path` of a backend, and resolves with its JSON, parsed. */
export type Send = (path: string) => Promise<unknown>

/** Creates a client of the backends. */
type Create = (backends: readonly string[]) => Send

type Interceptor = Dispatcher.DispatcherComposeInterceptor

/** The same for everybody: more connections to one backend than there are requests in flight. */
const connections = 64

function agent(): HttpAgent {
  return new HttpAgent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections })
}

function originOf(backend: string | undefined): string {
  return `http://${backend}`
}

function loadBalancer(backends: readonly string[]): LoadBalancer {
  return new LoadBalancer({ discovery: new StaticDiscovery({ users: backends }) })
}

/** Turns of clients that have none of their own. */
function turns<T>(choices: readonly T[]): () => T {
  let next = 0
  return () => choices[next++ % choices.length] as T
}

function parse(chunks: readonly Buffer[]): unknown {
  return JSON.parse((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString())
}

/** What any client on undici does at least. */
function dispatched(dispatcher: Dispatcher): Send {
  return (path) =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      dispatcher.dispatch(
        { method: 'GET', path },
        {
          onRequestStart: () => {},
          onResponseStart: () => {},
          onResponseData: (_controller, chunk) => chunks.push(chunk),
          onResponseEnd: () => resolve(parse(chunks)),
          onResponseError: (_controller, error) => reject(error),
        },
      )
    })
}

/** What any client on node:http does at least. */
function nodeHttp(origin: string): Send {
  const keepAlive = agent()
  return (path) =>
    new Promise((resolve, reject) => {
      const request = get(origin + path, { agent: keepAlive }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve(parse(chunks)))
        response.on('error', reject)
      })
      request.on('error', reject)
    })
}

async function jsonOf({ statusCode, body }: Dispatcher.ResponseData): Promise<unknown> {
  const json = await body.json()
  if (statusCode !== 200) throw new Error(`status ${statusCode}`)
  return json
}

function requested(dispatcher: Pool | BalancedPool | Dispatcher.ComposedDispatcher): Send {
  return async (path) => jsonOf(await dispatcher.request({ method: 'GET', path } as Dispatcher.RequestOptions))
}

function axiosClient(baseURL?: string): AxiosInstance {
  return axios.create({ httpAgent: agent(), ...(baseURL === undefined ? undefined : { baseURL }) })
}

function throughAxios(client: AxiosInstance): Send {
  return async (path) => (await client.get<unknown>(path)).data
}

async function jsonOfFetch(response: Pick<Response, 'ok' | 'status' | 'json'>): Promise<unknown> {
  if (!response.ok) throw new Error(`status ${response.status}`)
  return response.json()
}

/** No retries of its own: what it costs, and what it does with an outage, as everybody else. */
const gotClient: Create = (backends) => {
  const turn = turns(backends.map(originOf))
  const client = got.extend({ agent: { http: agent() }, retry: { limit: 0 } })
  return (path) => client.get(turn() + path).json()
}

export const floor = 'floor: undici dispatch, one backend'
export const undiciPools = 'undici Pool × 3 in turn'
export const balancedPool = 'undici BalancedPool'
export const balancedPoolRetry = 'undici BalancedPool, retry'
export const lbUndici = '@lb/undici'
export const axiosOne = 'axios, one backend'
export const axiosTurn = 'axios, baseURL in turn'
export const lbAxiosOne = '@lb/axios, one backend'
export const lbAxios = '@lb/axios'
export const lbAxiosUndici = '@lb/axios, undici'
export const fetchTurn = 'undici.fetch, in turn'
export const lbFetch = '@lb/undici, fetch'
export const gotTurn = 'got, in turn'

export const contenders: Readonly<Record<string, Create>> = {
  [floor]: ([one]) => dispatched(new Pool(originOf(one), { connections })),
  'undici Pool, one backend': ([one]) => requested(new Pool(originOf(one), { connections })),
  [undiciPools]: (backends) => {
    const turn = turns(backends.map((backend) => new Pool(originOf(backend), { connections })))
    return async (path) => jsonOf(await turn().request({ method: 'GET', path }))
  },
  [balancedPool]: (backends) => requested(new BalancedPool(backends.map(originOf), { connections })),
  [balancedPoolRetry]: (backends) =>
    requested(new BalancedPool(backends.map(originOf), { connections }).compose(interceptors.retry())),
  [lbUndici]: (backends) => {
    // Its types are of the undici that it is developed with, which is an older one.
    const interceptor = loadBalanceInterceptor(loadBalancer(backends)) as unknown as Interceptor
    const dispatcher = new Agent({ connections }).compose(interceptor)
    return async (path) => jsonOf(await dispatcher.request({ origin: 'http://users', method: 'GET', path }))
  },
  'node:http, one backend': ([one]) => nodeHttp(originOf(one)),
  [axiosOne]: ([one]) => throughAxios(axiosClient(originOf(one))),
  [axiosTurn]: (backends) => {
    const client = axiosClient()
    const turn = turns(backends.map(originOf))
    return async (path) => (await client.get<unknown>(path, { baseURL: turn() })).data
  },
  [lbAxiosOne]: ([one]) => throughAxios(loadBalance(axiosClient('http://users'), loadBalancer([String(one)]))),
  [lbAxios]: (backends) => throughAxios(loadBalance(axiosClient('http://users'), loadBalancer(backends))),
  [lbAxiosUndici]: (backends) =>
    throughAxios(
      loadBalance(axios.create({ baseURL: 'http://users' }), loadBalancer(backends), { undici, pool: { connections } }),
    ),
  [fetchTurn]: (backends) => {
    const dispatcher = new Agent({ connections })
    const turn = turns(backends.map(originOf))
    return async (path) => jsonOfFetch(await undici.fetch(turn() + path, { dispatcher }))
  },
  [lbFetch]: (backends) => {
    const fetch = createFetch(loadBalancer(backends), { pool: { connections } })
    return async (path) => jsonOfFetch(await fetch(`http://users${path}`))
  },
  [gotTurn]: gotClient,
}
