import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
Object.assign(process.env, {
  'services__user-service__http__0': instances[0]?.url,
  'services__user-service__http__1': instances[1]?.url,
})

// #region recipe
import { EnvDiscovery, LoadBalancer } from '@lb/core'
import { createFetch } from '@lb/undici'

const lb = new LoadBalancer({ discovery: new EnvDiscovery({ env: process.env }) })
const fetch = createFetch(lb)

const profile = () => fetch('http://user-service/v1/profile').then((response) => response.text())
// #endregion recipe
console.log(await countCalls(10, profile))
await fetch.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
