import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import { first, second, stopBackends } from './backends.ts'

const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
const lb = new LoadBalancer({ discovery })
const client = loadBalance(axios.create(), lb)

// #region ejection
lb.subscribe(
  (event) => {
    if (event.type === 'instance-ejected') console.log('ejected after', event.detail)
  },
  ['instance-ejected'],
)

first.script = { status: 500 }
for (let call = 0; call < 12; call++) await client.get('http://user-service/v1/profile').catch(() => {})
console.log('first got', first.requests.length, 'of the 12 calls and their retries')
// #endregion ejection
await lb.close()
await stopBackends()
