import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
const answers: ServerResponse[] = []

// #region recipe
import { gracefulShutdown, healthEndpoint } from '@lb/express'

const health = healthEndpoint()
const server = createServer((request, response) => health(request, response, () => answers.push(response)))
gracefulShutdown(server, {
  health, // responds with 503 from now on
  lb, // the load balancer through which this process calls others: closed last
  noticeMs: 1_000, // 5 000 by default: until those that call this process have noticed
})
server.listen(0)
// #endregion recipe
await once(server, 'listening')
const { port } = server.address() as AddressInfo
const url = `http://127.0.0.1:${port}`
const inFlight = fetch(url).then((response) => response.text())
while (answers.length === 0) await new Promise((resolve) => setImmediate(resolve))

process.kill(process.pid, 'SIGTERM')
await once(process, 'SIGTERM')
console.log('/health:', (await fetch(`${url}/health`)).status)

/** The error of a new connection, if there is one. */
async function connectError(): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    socket.once('connect', () => resolve(undefined)).once('error', resolve)
  })
  socket.destroy()
  return error?.code
}
const closed = once(server, 'close')
let error: string | undefined
while (error !== 'ECONNREFUSED') {
  await new Promise((resolve) => setTimeout(resolve, 50))
  error = await connectError()
}
console.log('after the notice, a new connection:', error)
answers[0]?.end('done')
console.log('the request in flight:', await inFlight)
await closed
console.log('closed')
