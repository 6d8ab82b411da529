// #region recipe
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import MockAdapter from 'axios-mock-adapter'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })
const client = axios.create()
const mock = new MockAdapter(client as never) // before loadBalance: lb then hands its requests to the mock
loadBalance(client, lb)

mock.onGet('http://10.0.1.12:8080/v1/profile').reply(200, { name: 'Ada' })
const { data } = await client.get('http://user-service/v1/profile')
console.log(data.name)
// #endregion recipe
await lb.close()
