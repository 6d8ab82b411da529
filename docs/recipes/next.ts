import { serve } from '@hono/node-server'
import { showDeath, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
Object.assign(process.env, { USER_SERVICE: instances.map(({ address }) => address).join() })

// #region users
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch, type LoadBalancedFetch } from '@lb/undici'

// One for the process: Next loads this module more than once, and again after each change.
const shared = globalThis as typeof globalThis & { lb?: LoadBalancer; users?: LoadBalancedFetch }

shared.lb ??= new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': process.env.USER_SERVICE?.split(',') ?? [] }),
})
shared.users ??= createFetch(shared.lb)

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

const server = serve({ fetch: GET, port: 0 })
await new Promise((resolve) => server.once('listening', resolve))
const address = server.address()
await showDeath(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, instances)
server.close()
await users.close()
await shared.lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
