import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StaticDiscovery } from '@lb/core'
import { WebSocket, WebSocketServer } from 'ws'

async function startInstance(name: string): Promise<{ address: string; stop(): void }> {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', () => socket.send(name)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = (): void => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  }
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

const instances = [await startInstance('first'), await startInstance('second')]
const discovery = new StaticDiscovery({ chat: instances.map(({ address }) => address) })

// #region recipe
import { LoadBalancer } from '@lb/core'
import { gracefulShutdown, proxy, upgrades } from '@lb/express'
import express from 'express'

const lb = new LoadBalancer({ discovery, services: { chat: { balancer: 'least-request' } } })
const chat = proxy(lb, 'chat', { prefix: '/chat' })

const server = express().use(chat).listen(0)
upgrades(server, [chat])
const shutDown = gracefulShutdown(server, { lb })
// #endregion recipe
await lb.ready('chat')
const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`

async function connect(): Promise<{ socket: WebSocket; name: string }> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  socket.send('hello')
  const [data] = (await once(socket, 'message')) as [Buffer]
  return { socket, name: data.toString() }
}

const sockets = [await connect(), await connect(), await connect(), await connect()]
const first = sockets.filter(({ name }) => name === 'first').length
console.log(`4 WebSockets: ${first} at the first instance, ${sockets.length - first} at the second`)

const codes = sockets.map(async ({ socket }) => ((await once(socket, 'close')) as [number])[0])
await shutDown()
console.log(`at a shutdown they are closed with ${[...new Set(await Promise.all(codes))].join()}`)
for (const instance of instances) instance.stop()
