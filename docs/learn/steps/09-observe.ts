import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import { first, second, stopBackends } from './backends.ts'

const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })

// #region observe
const lb = new LoadBalancer({ discovery })
lb.subscribe(
  (event) => {
    if (event.type === 'call-finished') console.log(`${event.result}, attempts: ${event.attempts}`)
  },
  ['call-finished'],
)

const client = loadBalance(axios.create(), lb)
await client.get('http://user-service/v1/profile')
await first.stop()
await client.get('http://user-service/v1/profile')
await client.get('http://user-service/v1/profile')

const { status, instances } = lb.inspect('user-service')
console.log(
  status,
  instances.map(({ succeeded, failed }) => `${succeeded} succeeded, ${failed} failed`),
)
// #endregion observe
await lb.close()
await stopBackends()
