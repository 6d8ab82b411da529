import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

const [v1, v2] = await startInstances('v1', 'v2')
if (v1 === undefined || v2 === undefined) throw new Error('nothing was started')
const discovery = new StaticDiscovery({
  'user-service': [
    { host: v1.host, port: v1.port, metadata: { version: 'v1' } },
    { host: v2.host, port: v2.port, metadata: { version: 'v2' } },
  ],
})

// #region recipe
import { LoadBalancer } from '@lb/core'
import { proxy } from '@lb/express'
import express from 'express'

const lb = new LoadBalancer({
  discovery,
  services: { 'user-service': { routing: { keys: ['version'], fallback: { version: 'v1' } } } },
})
const app = express()
app.use(proxy(lb, 'user-service', { match: ({ headers }) => ({ version: headers['x-version']?.toString() ?? 'v1' }) }))
const server = app.listen(0)
// #endregion recipe
const address = server.address()
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
const get = async (headers: Record<string, string>) => (await fetch(url, { headers })).text()

console.log('without a header:', await get({}))
console.log('x-version: v2 gets', await get({ 'x-version': 'v2' }))
await v2.stop()
console.log('when v2 is down, it gets', await get({ 'x-version': 'v2' }))
server.close()
await lb.close()
await v1.stop()
