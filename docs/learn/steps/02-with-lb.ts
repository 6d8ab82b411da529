// #region with-lb
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import { first, second, stopBackends } from './backends.ts'

const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
const lb = new LoadBalancer({ discovery })
const client = loadBalance(axios.create(), lb)

async function profile(): Promise<string> {
  const { data } = await client.get('http://user-service/v1/profile')
  return data
}
// #endregion with-lb

for (let call = 0; call < 4; call++) console.log(await profile())

await first.stop()
for (let call = 0; call < 4; call++) console.log(await profile())

// #region close
await lb.close()
// #endregion close
await stopBackends()
