// A CommonJS module that uses the packed packages as an application would.
const assert = require('node:assert/strict')
const { createServer } = require('node:http')
const { loadBalance } = require('@lb/axios')
const { LoadBalancer, StaticDiscovery } = require('@lb/core')
const { DnsSrvDiscovery } = require('@lb/dns-srv')
const axios = require('axios')

const server = createServer((request, response) => response.end(JSON.stringify({ url: request.url })))
server.listen(0, '127.0.0.1', async () => {
  const discovery = new StaticDiscovery({ 'user-service': [`127.0.0.1:${server.address().port}`] })
  const lb = new LoadBalancer({ discovery })
  const { data } = await loadBalance(axios.create(), lb).get('http://user-service/v1/profile')
  assert.equal(data.url, '/v1/profile')
  new DnsSrvDiscovery({ servers: ['127.0.0.1'] }).close()
  await lb.close()
  server.close()
  console.log(`CommonJS on Node ${process.version} with axios ${axios.VERSION}: ok`)
})
