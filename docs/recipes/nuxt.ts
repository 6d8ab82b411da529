import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, toNodeListener } from 'h3'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
Object.assign(process.env, { USER_SERVICE: instances.map(({ address }) => address).join() })

// #region users
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch } from '@lb/undici'

export const lb: LoadBalancer = new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': process.env.USER_SERVICE?.split(',') ?? [] }),
})
export const users = createFetch(lb)

// #endregion users

// #region handler
import { defineEventHandler } from 'h3'

const profile = defineEventHandler(() => users('http://user-service/v1/profile'))
// #endregion handler

const server = createServer(toNodeListener(createApp().use('/api/profile', profile)))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/profile`
const get = () => fetch(url).then((response) => response.text())
console.log(await countCalls(10, get))
await instances[0]?.stop()
console.log(await countCalls(10, get))
server.close()
await users.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
