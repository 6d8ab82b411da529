import { once } from 'node:events'
import { createServer } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { newCertificate } from './certificate.ts'
import { closeAll, exchangeBytes, listen, onClose, startEcho, startGateway, statuses } from './support.ts'

afterEach(closeAll)

const { key, cert } = newCertificate()

/** An instance that speaks TLS, and what was asked of it: the name, and on how many connections. */
async function startSecure(): Promise<{ port: number; names: (string | false)[] }> {
  const names: (string | false)[] = []
  const server = createServer({ key, cert }, (_request, response) => response.end('secure'))
  server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername ?? false))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.send('hello'))
  onClose(() => sockets.close())
  return { port: await listen(server), names }
}

const ask = (port: number, host: string): Promise<string> =>
  exchangeBytes(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 2_000)

describe('instances that are secure', () => {
  it.each([
    ['localhost', 'instance', 'localhost'],
    ['127.0.0.1', 'instance', false],
    ['127.0.0.1', 'service', 'service'],
    ['localhost', 'client', 'localhost'],
    ['127.0.0.1', 'client', false],
  ] as const)(
    '%s with hostHeader %s: the name asked for is %s, whatever the client says, on one connection',
    async (host, hostHeader, name) => {
      const { port: instance, names } = await startSecure()
      const { port } = await startGateway([`https://${host}:${instance}`], { proxy: { hostHeader, tls: { ca: cert } } })
      for (const sent of ['a.test', 'b.test', 'c.test'])
        expect(await ask(port, sent)).toMatch(/^HTTP\/1.1 200[^\0]*secure$/)
      expect(names).toEqual([name])
    },
  )

  it('whose certificate is not trusted get nothing', async () => {
    const { port: instance } = await startSecure()
    const { port } = await startGateway([`https://localhost:${instance}`])
    expect(statuses(await ask(port, 'a.test'))).toEqual([502])
  })

  it('take upgrades', async () => {
    const { port: instance } = await startSecure()
    const { url } = await startGateway([`https://localhost:${instance}`], { proxy: { tls: { ca: cert } } })
    const socket = new WebSocket(url.replace('http', 'ws'))
    onClose(() => socket.terminate())
    expect(String((await once(socket, 'message'))[0])).toBe('hello')
  })
})

describe('clients over TLS', () => {
  it('are served when they ask for an upgrade that is not passed on, body included', async () => {
    const { address, seen } = await startEcho()
    const { handler } = await startGateway([address])
    const server = createServer({ key, cert }, handler).on('upgrade', handler.upgrade)
    const socket = connect({ port: await listen(server), ca: cert, host: 'localhost' })
    const fields = 'Host: gw\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n'
    socket.write(`POST /a HTTP/1.1\r\n${fields}Content-Length: 5\r\n\r\nhello`)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 200 /)
    expect(seen).toMatchObject([{ url: '/a', body: 'hello', headers: { 'x-forwarded-proto': 'https' } }])
    socket.destroy()
  })
})
