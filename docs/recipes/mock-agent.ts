// #region recipe
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch } from '@lb/undici'
import { MockAgent } from 'undici'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })
const agent = new MockAgent()
agent.disableNetConnect()
agent.get('http://10.0.1.12:8080').intercept({ path: '/v1/profile' }).reply(200, { name: 'Ada' })

const fetch = createFetch(lb, { dispatcher: agent })
const profile = await (await fetch('http://user-service/v1/profile')).json()
console.log(profile)
// #endregion recipe
await fetch.close()
await agent.close()
await lb.close()
