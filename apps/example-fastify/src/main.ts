// Fastify as a gateway: a service behind the proxy of @lb/express, and the same behind @fastify/reply-from. Runs with no outside
// service.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import fastify from 'fastify'
import { gateway, replyFromService } from './gateway.ts'

async function startInstance(id: string): Promise<Server> {
  const server = createServer((request, response) => response.end(`${request.url} served by ${id}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const instances = [await startInstance('first'), await startInstance('second'), await startInstance('third')]
const addresses = instances.map((each) => `127.0.0.1:${(each.address() as AddressInfo).port}`)
const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': addresses }) })

const app = fastify()
await app.register(gateway, { prefix: '/users', lb, service: 'user-service' })
await replyFromService(app, lb)
const { handle } = dashboard(lb, { title: 'example-fastify' })
for (const path of ['/lb', '/lb/*']) app.get(path, ({ raw }, reply) => handle(raw, reply.hijack().raw))
const url = await app.listen({ port: 0, host: '127.0.0.1' })

async function textOf(path: string): Promise<string> {
  const response = await fetch(url + path)
  return `${response.status} ${await response.text()}`
}

for (const path of ['/users/v1/profile', '/reply-from/v1/profile']) console.log(`${path}: ${await textOf(path)}`)
console.log(`dashboard, while it runs: ${url}/lb/ (${(await fetch(`${url}/lb/`)).status})`)

for (const path of ['/users/v1', '/reply-from/v1']) {
  const killed = instances.pop()
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, number) => {
      if (number === 30) killed?.close().closeAllConnections()
      return textOf(path)
    }),
  )
  const failed = answers.filter((answer) => !answer.startsWith('200'))
  console.log(`${path}, one instance killed: ${answers.length} requests, ${failed.length} failed`)
}

await app.close()
await lb.close()
for (const each of instances) each.close().closeAllConnections()
