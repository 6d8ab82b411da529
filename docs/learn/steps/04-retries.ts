import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import { first, second, stopBackends } from './backends.ts'

const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
const lb = new LoadBalancer({ discovery })
const client = loadBalance(axios.create(), lb)

// #region retries
first.script = { status: 503 }
second.script = { status: 503 }
lb.subscribe((event) => console.log('retry after attempt', event.type === 'retry' && event.number), ['retry'])

const asGet = await client.get('http://user-service/v1/profile').catch((error) => error.response)
console.log('GET', asGet.status)

const asPost = await client.post('http://user-service/v1/orders', { item: 1 }).catch((error) => error.response)
console.log('POST', asPost.status)
// #endregion retries
console.log('requests', first.requests.length + second.requests.length)
await lb.close()
await stopBackends()
