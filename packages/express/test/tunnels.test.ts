import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FakeClock } from '@lb/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { closeAll, deferred, exchangeBytes, type Gateway, onClose, startGateway, startRawInstance } from './support.ts'
import { handshake, openWebSocket, startWebSocketEcho } from './web-sockets.ts'

afterEach(closeAll)

const accepted = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
/** Without a mask: 1001, Going Away. */
const goingAway = Buffer.from([0x88, 2, 0x03, 0xe9])

async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = await once(socket, 'close')
  return Number(code)
}

/** A tunnel to an instance that sends what the test says. */
async function openRaw(
  options: { upgrade?: string; clock?: FakeClock } = {},
): Promise<{ gateway: Gateway; client: Socket; received: () => Buffer; instance: Socket; toInstance: () => Buffer }> {
  const { upgrade = 'websocket', clock } = options
  const instance = deferred<Socket>()
  const sent: Buffer[] = []
  const address = await startRawInstance((socket) => {
    socket.write(accepted.replace('websocket', upgrade))
    socket.removeAllListeners('data').on('data', (chunk: Buffer) => sent.push(chunk))
    instance.resolve(socket)
  })
  const proxy = { upgrades: ['websocket', 'other'], ...(clock === undefined ? {} : { clock }) }
  const gateway = await startGateway([address], { proxy })
  const client = connect(gateway.port, '127.0.0.1')
  onClose(() => client.destroy())
  const chunks: Buffer[] = []
  client.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk))
  client.write(handshake('/', upgrade))
  const received = (): Buffer => {
    const all = Buffer.concat(chunks)
    return all.subarray(all.indexOf('\r\n\r\n') + 4)
  }
  const other = await instance.promise
  await vi.waitFor(() => expect(Buffer.concat(chunks).includes('\r\n\r\n')).toBe(true))
  return { gateway, client, received, instance: other, toInstance: () => Buffer.concat(sent) }
}

describe('a WebSocket', () => {
  it('is closed with 1001 when the load balancer is closed, at the instance too', async () => {
    const { address, closeCodes } = await startWebSocketEcho()
    const { url, lb } = await startGateway([address])
    const sockets = await Promise.all([openWebSocket(url), openWebSocket(url)])
    const codes = Promise.all(sockets.map(closeCode))
    await lb.close()
    expect(await codes).toEqual([1001, 1001])
    await vi.waitFor(() => expect(closeCodes).toEqual([1001, 1001]))
  })

  it('that is opened while the load balancer is closed is closed as well', async () => {
    const asked = deferred<Socket>()
    const address = await startRawInstance((socket) => asked.resolve(socket))
    const { port, lb } = await startGateway([address])
    const client = connect(port, '127.0.0.1')
    let received = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    client.write(handshake('/'))
    const instance = await asked.promise
    await lb.close()
    instance.write(accepted)
    await vi.waitFor(() => expect(received.subarray(-4)).toEqual(goingAway))
    client.destroy()
  })

  it('gets the close frame after the frame that was being sent', async () => {
    const { gateway, instance, received, client } = await openRaw()
    instance.write(Buffer.from([0x82, 6, 1, 2]))
    await vi.waitFor(() => expect(received()).toHaveLength(4))
    await gateway.lb.close()
    instance.write(Buffer.from([3, 4]))
    await vi.waitFor(() => expect(received()).toHaveLength(6))
    // The end of the frame, and one that comes too late.
    instance.write(Buffer.from([5, 6, 0x82, 1, 9]))
    await vi.waitFor(() => expect(received()).toEqual(Buffer.from([0x82, 6, 1, 2, 3, 4, 5, 6, ...goingAway])))
    client.end()
    await once(client, 'close')
    expect(received()).toHaveLength(12)
  })

  it('that the instance has closed gets no second close frame', async () => {
    const { gateway, instance, received, client } = await openRaw()
    const close = Buffer.from([0x88, 2, 0x03, 0xe8])
    instance.write(close)
    await vi.waitFor(() => expect(received()).toEqual(close))
    await gateway.lb.close()
    client.end()
    await once(client, 'close')
    expect(received()).toEqual(close)
  })

  it('whose client does not close it is cut after two seconds', async () => {
    const clock = new FakeClock()
    const { gateway, client, received, toInstance } = await openRaw({ clock })
    await gateway.lb.close()
    await vi.waitFor(() => expect(received()).toEqual(goingAway))
    // What the client sends still reaches the instance.
    client.write('bye')
    await vi.waitFor(() => expect(String(toInstance())).toBe('bye'))
    expect(client.closed).toBe(false)
    const closed = once(client, 'close')
    await clock.advance(2_000)
    await closed
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('another protocol', () => {
  it('ends with the load balancer, without a frame', async () => {
    const { gateway, client, received, instance } = await openRaw({ upgrade: 'other' })
    const closed = Promise.all([once(client, 'close'), once(instance, 'close')])
    await gateway.lb.close()
    await closed
    expect(received()).toHaveLength(0)
  })
})

describe('a tunnel is over, and not in flight, when', () => {
  it('the instance resets it while the client sends', async () => {
    const { gateway, client, instance } = await openRaw()
    const closed = closing(client)
    const send = (): unknown => client.writable && client.write(Buffer.alloc(10_000), send)
    send()
    instance.pause()
    await vi.waitFor(() => expect(instance.readableLength).toBeGreaterThan(0))
    instance.resetAndDestroy()
    await closed
    await vi.waitFor(() => expect(gateway.lb.inspect('service').inFlight).toBe(0))
  })

  it.each(['destroys', 'resets', 'ends'] as const)('the client %s it while the instance sends', async (how) => {
    const { gateway, client, instance } = await openRaw({ upgrade: 'other' })
    const closed = closing(instance)
    const send = (): unknown => instance.writable && instance.write(Buffer.alloc(10_000), send)
    send()
    client.pause()
    await vi.waitFor(() => expect(client.readableLength).toBeGreaterThan(0))
    if (how === 'destroys') client.destroy()
    else if (how === 'resets') client.resetAndDestroy()
    else client.end().resume()
    await closed
    await vi.waitFor(() => expect(gateway.lb.inspect('service').inFlight).toBe(0))
  })

  it.each(['h2c', 'websocket, h2c', 'TLS/1.2'])('a client of a WebSocket is not switched to %s', async (protocol) => {
    const address = await startRawInstance((socket) => socket.write(accepted.replace('websocket', protocol)))
    const gateway = await startGateway([address])
    expect(await exchangeBytes(gateway.port, handshake('/'))).toMatch(/^HTTP\/1\.1 502 /)
    await vi.waitFor(() => expect(gateway.lb.inspect('service').inFlight).toBe(0))
  })

  it.each(['websocket', 'other'])(
    'the instance of protocol %s reads nothing of what waits, and the client has left',
    async (upgrade) => {
      const clock = new FakeClock()
      const { gateway, client, instance } = await openRaw({ clock, upgrade })
      instance.pause()
      let writes = 0
      const send = (): void => {
        writes++
        if (client.writable) client.write(Buffer.alloc(100_000), send)
      }
      send()
      let before = -1
      // Everything between the two is full.
      await vi.waitFor(() => {
        const [now, last] = [writes, before]
        before = now
        expect([now, clock.pendingTimers]).toEqual([last, 1])
      })
      await clock.advance(59_999)
      expect(gateway.lb.inspect('service').inFlight).toBe(1)
      client.resetAndDestroy()
      await clock.advance(60_000)
      await vi.waitFor(() => expect(gateway.lb.inspect('service').inFlight).toBe(0))
      expect(clock.pendingTimers).toBe(0)
    },
  )

  it('the client leaves, and the instance does not close its side', async () => {
    const clock = new FakeClock()
    const { gateway, client, instance } = await openRaw({ clock })
    // As a server of Node does.
    instance.allowHalfOpen = true
    instance.pause()
    client.destroy()
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    await clock.advance(2_000)
    await vi.waitFor(() => expect(gateway.lb.inspect('service').inFlight).toBe(0))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('tunnels to an instance that leaves', () => {
  async function openTwo(
    grace?: number,
  ): Promise<{ clock: FakeClock; gateway: Gateway; sockets: WebSocket[]; addresses: string[] }> {
    const clock = new FakeClock()
    const addresses = [(await startWebSocketEcho()).address, (await startWebSocketEcho()).address]
    const proxy = { clock, ...(grace === undefined ? {} : { tunnelGraceMs: grace }) }
    const gateway = await startGateway(addresses, { proxy, lb: { emptyGraceMs: 0 } })
    const sockets = [await openWebSocket(gateway.url), await openWebSocket(gateway.url)]
    return { clock, gateway, sockets, addresses }
  }

  it('end after the grace, the others go on', async () => {
    const { clock, gateway, sockets, addresses } = await openTwo()
    const closed = Promise.race(sockets.map(closeCode))
    gateway.discovery.set('service', addresses.slice(1))
    await gateway.lb.refresh('service')
    await clock.advance(29_999)
    expect(sockets.map(({ readyState }) => readyState)).toEqual([1, 1])
    await clock.advance(1)
    expect(await closed).toBe(1001)
    expect(sockets.filter(({ readyState }) => readyState === 1)).toHaveLength(1)
  })

  it.each([
    ['is back under its id', (addresses: readonly string[]) => addresses],
    ['has another id', ([one = '', two = '']: readonly string[]) => [two, { ...hostAndPort(one), id: 'new' }]],
  ])('stay when it %s', async (_name, list) => {
    const { clock, gateway, sockets, addresses } = await openTwo(1_000)
    gateway.discovery.set('service', addresses.slice(1))
    await gateway.lb.refresh('service')
    gateway.discovery.set('service', list(addresses))
    await gateway.lb.refresh('service')
    await clock.advance(60_000)
    expect(sockets.map(({ readyState }) => readyState)).toEqual([1, 1])
    expect(clock.pendingTimers).toBe(0)
  })

  it('get the whole grace again when it leaves a second time', async () => {
    const { clock, gateway, sockets, addresses } = await openTwo()
    const closed = Promise.race(sockets.map(closeCode))
    const list = async (listed: string[]): Promise<void> => {
      gateway.discovery.set('service', listed)
      await gateway.lb.refresh('service')
    }
    await list(addresses.slice(1))
    await clock.advance(20_000)
    await list(addresses)
    await clock.advance(5_000)
    await list(addresses.slice(1))
    await clock.advance(29_999)
    expect(sockets.map(({ readyState }) => readyState)).toEqual([1, 1])
    await clock.advance(1)
    expect(await closed).toBe(1001)
  })

  it('stay for ever with an infinite grace', async () => {
    const { clock, gateway, sockets } = await openTwo(Number.POSITIVE_INFINITY)
    gateway.discovery.set('service', [])
    await gateway.lb.refresh('service')
    expect(clock.pendingTimers).toBe(0)
    expect(sockets.map(({ readyState }) => readyState)).toEqual([1, 1])
  })
})

function hostAndPort(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':')
  return { host, port: Number(port) }
}

/** Unlike `once`, whatever error came before. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve())
  })
}
