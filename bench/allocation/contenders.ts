import { LoadBalancer, StaticDiscovery } from '@lb/core'
import {
  axiosTurn,
  contenders as clients,
  fetchTurn,
  lbAxios,
  lbAxiosUndici,
  lbFetch,
  lbUndici,
  undiciPools,
} from '../client/contenders.ts'
import { contenders as proxies } from '../proxy/contenders.ts'
import { startRequests } from './requests.ts'

/** Makes `count` calls, one after the other. */
export type MakeCalls = (count: number) => Promise<void>

/** Prepares calls to the backends. */
type Create = (backends: readonly string[]) => MakeCalls | Promise<MakeCalls>

const alone = 'the attempt alone'
const executed = 'lb.execute'
const lbProxy = 'lb on Express 5'
const proxyMiddleware = 'http-proxy-middleware on Express 5'

/** What is compared with what. */
export const pairs: readonly { readonly ours: string; readonly peer: string }[] = [
  { ours: executed, peer: alone },
  { ours: lbAxios, peer: axiosTurn },
  { ours: lbAxiosUndici, peer: axiosTurn },
  { ours: lbUndici, peer: undiciPools },
  { ours: lbFetch, peer: fetchTurn },
  { ours: lbProxy, peer: proxyMiddleware },
]

/** Each of those that are compared, once. */
export const names: readonly string[] = Array.from(new Set(pairs.flatMap(({ ours, peer }) => [peer, ours])))

const settled = Promise.resolve(1)

const withoutNetwork: Readonly<Record<string, Create>> = {
  [alone]: () => async (count) => {
    for (let each = 0; each < count; each++) await settled
  },
  [executed]: (backends) => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: backends }) })
    return async (count) => {
      for (let each = 0; each < count; each++) await lb.execute('users', () => settled)
    }
  },
}

/** Prepares the calls of the contender `name`. */
export async function callsOf(name: string, backends: readonly string[]): Promise<MakeCalls> {
  const create = withoutNetwork[name]
  if (create !== undefined) return create(backends)
  const startProxy = proxies[name]
  if (startProxy !== undefined) return startRequests(await startProxy(backends))
  const send = clients[name]?.(backends)
  if (send === undefined) throw new Error(`no contender ${name}`)
  return async (count) => {
    for (let each = 0; each < count; each++) await send('/small')
  }
}
