// What two layers that retry do to a service that is down: requests that arrive for one call.
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios from 'axios'
import axiosRetry from 'axios-retry'

const instance = await LoopbackBackend.start({ script: { status: 503 } })
const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': [instance.address] }) })

const once = loadBalance(axios.create(), lb)
await once.get('http://user-service/').catch(() => {})
console.log(`lb alone: ${instance.requests.length} requests`)

const twice = loadBalance(axios.create(), lb)
axiosRetry(twice, { retries: 3 })
const before = instance.requests.length
await twice.get('http://user-service/').catch(() => {})
console.log(`with axios-retry: ${instance.requests.length - before} requests`)
await lb.close()
await instance.stop()
