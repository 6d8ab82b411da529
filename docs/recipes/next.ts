import { serve } from '@hono/node-server'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
Object.assign(process.env, { USER_SERVICE: instances.map(({ address }) => address).join(), NEXT_RUNTIME: 'nodejs' })

// #region users
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch, type LoadBalancedFetch } from '@lb/undici'

// One for the process: Next loads this module more than once, and again after each change.
const shared = globalThis as typeof globalThis & { lb?: LoadBalancer; users?: LoadBalancedFetch }

shared.lb ??= new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': process.env.USER_SERVICE?.split(',') ?? [] }),
})
shared.users ??= createFetch(shared.lb)

export const lb: LoadBalancer = shared.lb
export const users: LoadBalancedFetch = shared.users
// #endregion users

// #region route
export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'

export async function GET(request: Request): Promise<Response> {
  const { body, status } = await users('http://user-service/v1/profile', { signal: request.signal })
  return new Response(body, { status })
}
// #endregion route

// #region component
async function Profile(): Promise<string> {
  const response = await users('http://user-service/v1/profile')
  return response.text()
}
// #endregion component

// #region fetch
async function Greeting(): Promise<string> {
  const response = await fetch('http://user-service/v1/greeting')
  return response.text()
}
// #endregion fetch

// #region instrumentation
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== 'nodejs') return
  const { Agent, setGlobalDispatcher } = await import('undici')
  const { loadBalanceInterceptor } = await import('@lb/undici')
  setGlobalDispatcher(new Agent().compose(loadBalanceInterceptor(lb)))
}
// #endregion instrumentation

const server = serve({ fetch: GET, port: 0 })
await new Promise((resolve) => server.once('listening', resolve))
const address = server.address()
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
await register()
for (const died of [false, true]) {
  if (died) await instances[0]?.stop()
  console.log('route handler:', await countCalls(10, () => fetch(url).then((response) => response.text())))
  console.log('server component:', await countCalls(10, Profile))
  console.log('server component with fetch:', await countCalls(10, Greeting))
}
server.close()
await users.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
