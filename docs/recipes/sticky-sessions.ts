import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

const instances = await startInstances('first', 'second', 'third')
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })

// #region recipe
import { randomBytes } from 'node:crypto'
import { LoadBalancer } from '@lb/core'
import { proxy } from '@lb/express'
import express from 'express'

const lb = new LoadBalancer({ discovery, services: { 'user-service': { balancer: 'ring-hash' } } })
const secret = process.env.STICKY_SECRET ?? randomBytes(32).toString('hex') // the same in all gateways
const app = express()
app.use(proxy(lb, 'user-service', { sticky: { cookie: 'route', secret } }))
const server = app.listen(0)
// #endregion recipe
const address = server.address()
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

/** A browser: it keeps its cookie. */
function browser(): () => Promise<string> {
  let cookie = ''
  return async () => {
    const response = await fetch(url, { headers: { cookie } })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    return response.text()
  }
}

const browsers = Array.from({ length: 30 }, browser)
const before = await Promise.all(browsers.map((visit) => visit()))
const again = await Promise.all(browsers.map((visit) => visit()))
console.log(
  `${before.filter((name, index) => name === again[index]).length} of 30 browsers came to the same instance again`,
)

await instances[0]?.stop()
const after = await Promise.all(browsers.map((visit) => visit()))
console.log(`when an instance dies, its browsers go to the others: ${!after.includes('first')}`)
server.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
