// What two layers that retry do to a service that is down: requests that arrive for one call.
import { loadBalance } from '@lb/axios'
import { LoadBalancer, type RetryOptions, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance } from 'axios'
import axiosRetry from 'axios-retry'

const instance = await LoopbackBackend.start({ script: { status: 503 } })

async function requestsOf(client: AxiosInstance, retry?: RetryOptions): Promise<number> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': [instance.address] }), retry })
  const before = instance.requests.length
  await loadBalance(client, lb)
    .get('http://user-service/')
    .catch(() => {})
  await lb.close()
  return instance.requests.length - before
}

function impatient(): AxiosInstance {
  const client = axios.create()
  axiosRetry(client, { retries: 3 })
  return client
}

console.log(`lb alone: ${await requestsOf(axios.create())} requests`)
console.log(`with axios-retry: ${await requestsOf(impatient())} requests`)
console.log(`with axios-retry, without a retry budget: ${await requestsOf(impatient(), { budget: false })} requests`)
await instance.stop()
