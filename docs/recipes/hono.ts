import { serve } from '@hono/node-server'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })
const lb = new LoadBalancer({ discovery })

// #region recipe
import { createFetch } from '@lb/undici'
import { Hono } from 'hono'
import { proxy } from 'hono/proxy'

const users = createFetch(lb)
const app = new Hono()

app.get('/profile', async (context) => context.text(await (await users('http://user-service/v1/profile')).text()))

app.all('/users/*', ({ req: { raw } }) => {
  const { pathname, search } = new URL(raw.url)
  return proxy(`http://user-service${pathname.slice('/users'.length)}${search}`, {
    raw,
    customFetch: (request) => users(request),
  })
})
// #endregion recipe

const server = serve({ fetch: app.fetch, port: 0 })
await new Promise((resolve) => server.once('listening', resolve))
const address = server.address()
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
const get = (path: string) => fetch(url + path).then((response) => response.text())
console.log(`/profile: ${await countCalls(10, () => get('/profile'))}`)
await instances[0]?.stop()
console.log(`/users/v1/profile: ${await countCalls(10, () => get('/users/v1/profile'))}`)
server.close()
await users.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
