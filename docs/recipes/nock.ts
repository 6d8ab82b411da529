// #region recipe
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import nock from 'nock'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })
const client = loadBalance(axios.create(), lb)

nock('http://10.0.1.12:8080').get('/v1/profile').reply(200, { name: 'Ada' }) // the address of the instance
const { data } = await client.get('http://user-service/v1/profile')
console.log(data.name)
// #endregion recipe
nock.restore()
await lb.close()
