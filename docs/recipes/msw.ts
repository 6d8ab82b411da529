// #region recipe
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })
const client = loadBalance(axios.create(), lb)

const server = setupServer(http.get('http://10.0.1.12:8080/v1/profile', () => HttpResponse.json({ name: 'Ada' })))
server.listen()
const { data } = await client.get('http://user-service/v1/profile')
console.log(data.name)
// #endregion recipe
server.close()
await lb.close()
