import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Dashboard, type DashboardEvent, dashboard } from '../src/index.ts'
import { get } from './requests.ts'
import { closeAll, listen, onClose, serve } from './servers.ts'

let clock: FakeClock
let discovery: StaticDiscovery
let lb: LoadBalancer
let shown: Dashboard

beforeEach(async () => {
  clock = new FakeClock()
  discovery = new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80'], orders: ['10.0.0.3:80'] })
  lb = new LoadBalancer({ discovery, clock, emptyGraceMs: 0 })
  shown = dashboard(lb, { clock, maxStreams: 3 })
  await lb.ready('users')
  await lb.ready('orders')
})

afterEach(async () => {
  await closeAll()
  shown.close()
  await lb.close()
})

/** A stream, as a client reads it. */
class EventReader {
  text = ''
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  readonly #decoder = new TextDecoder()

  constructor(response: Response) {
    this.#reader = response.body?.getReader()
    onClose(() => this.close())
  }

  /** Reads one chunk; false at the end. */
  async read(): Promise<boolean> {
    const chunk = await this.#reader?.read()
    this.text += this.#decoder.decode(chunk?.value, { stream: true })
    return chunk?.done === false
  }

  get events(): DashboardEvent[] {
    return Array.from(this.text.matchAll(/^data: (.*)$/gm), ([, json = '']) => JSON.parse(json) as DashboardEvent)
  }

  async close(): Promise<void> {
    await this.#reader?.cancel()
  }
}

async function open(query = '', headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
  const response = await shown.fetch(new Request(`http://localhost/api/v1/events${query}`, { headers }))
  expect(response.status).toBe(200)
  const reader = new EventReader(response)
  await reader.read()
  return reader
}

function refuse(index: number): void {
  lb.emit({
    type: 'control-refused',
    service: 'users',
    change: 'drain',
    instanceId: `${index}`,
    because: 'forbidden',
  })
}

const drain = (service: string, instance: string): void => lb.control(service, { by: 'bob' }).drain(instance)

async function call(): Promise<void> {
  await lb.execute('users', async () => {})
}

describe('GET api/v1/events', () => {
  it('begins with what was kept, each event small, with its age', async () => {
    await clock.advance(1_500)
    const { events, text } = await open()
    expect(text).toContain('id: 1\n')
    expect(events[0]).toEqual({
      type: 'instances-changed',
      level: 'info',
      service: 'users',
      agoMs: 1_500,
      added: ['10.0.0.1:80', '10.0.0.2:80'],
      removed: [],
      updated: [],
      total: 2,
    })
  })

  it('goes on after the last one that the client has', async () => {
    drain('users', '10.0.0.1:80')
    const { events } = await open('', { 'last-event-id': '2' })
    expect(events.map(({ type }) => type)).toEqual(['override-changed'])
    // Of another process, with more events: everything is new.
    expect((await open('', { 'last-event-id': '999' })).events).toHaveLength(3)
  })

  it('begins with every event that is kept, and then has those from now on', async () => {
    for (let index = 0; index < 600; index++) refuse(index)
    const stream = await open()
    const told = stream.events.map((event) => event['instanceId'])
    expect(told).toEqual(Array.from({ length: 500 }, (_, index) => `${100 + index}`))
    refuse(600)
    await stream.read()
    expect(stream.events.at(-1)?.['instanceId']).toBe('600')
    expect(stream.text).not.toContain('dropped')
  })

  it('keeps to the types, the level and the service that are asked for', async () => {
    drain('users', '10.0.0.1:80')
    drain('orders', '10.0.0.3:80')
    const only = await open('?type=override-changed,panic-changed&service=orders')
    expect(only.events).toMatchObject([{ type: 'override-changed', service: 'orders', by: 'bob', change: 'drained' }])
    expect((await open('?level=error')).events).toEqual([])
    expect((await get(shown, 'api/v1/events?level=loud')).status).toBe(400)
  })

  it('has what comes with every call only while somebody asks for it', async () => {
    const quiet = await open('?type=request-finished')
    const loud = await open('?level=debug&type=request-finished,call-finished')
    await call()
    await loud.read()
    expect(loud.events.map(({ type }) => type)).toEqual(['request-finished', 'call-finished'])
    expect(loud.events[1]).toMatchObject({ result: 'ok', attempts: 1 })
    expect(loud.text).not.toContain('id:')
    await loud.close()
    expect(quiet.events).toEqual([])
  })

  it('makes a long list short', async () => {
    discovery.set(
      'users',
      Array.from({ length: 5_000 }, (_, index) => ({
        host: '10.1.0.1',
        port: index + 1,
        metadata: { password: 'hunter2' },
      })),
    )
    const { events, text } = await open('?service=users')
    expect(events.at(-1)).toMatchObject({ added: { count: 5_000 }, total: 5_000 })
    expect(text.length).toBeLessThan(5_000)
    expect(text).not.toContain('hunter2')
  })

  it('has an event in one line, whatever is in it', async () => {
    const hostile = 'a\n\ndata: {"type":"forged"}\n\n'
    lb.emit({ type: 'gateway-failed', service: hostile, statusCode: 502, method: hostile, error: new Error(hostile) })
    const stream = await open('?level=debug')
    lb.emit({ type: 'gateway-failed', service: 'users', statusCode: 502, method: hostile, error: new Error(hostile) })
    await stream.read()
    expect(stream.events.at(-1)).toMatchObject({ type: 'gateway-failed', method: hostile, error: { message: hostile } })
    expect(stream.events.map(({ type }) => type)).not.toContain('forged')
  })

  it('says that it is alive', async () => {
    const stream = await open()
    await clock.advance(15_000)
    await stream.read()
    expect(stream.text.endsWith(': \n\n')).toBe(true)
  })
})

describe('bounds', () => {
  it('of the number of streams: one more is refused, and one that ended makes room', async () => {
    const streams = [await open(), await open(), await open()]
    const refused = await get(shown, 'api/v1/events')
    expect({ status: refused.status, retry: refused.headers.get('retry-after') }).toEqual({ status: 503, retry: '10' })
    await streams[0]?.close()
    await open()
  })

  it('of what waits for a client that does not read: the oldest are left out, and it gets to know how many', async () => {
    const stream = await open('?level=debug&type=gateway-failed')
    for (let second = 0; second < 5; second++) {
      for (let index = 0; index < 300; index++) {
        lb.emit({ type: 'gateway-failed', service: 'users', statusCode: 500 + second, method: 'GET', error: undefined })
      }
      await clock.advance(1_000)
    }
    await stream.read()
    const dropped = /event: dropped\ndata: {"dropped":(\d+)}/.exec(stream.text)?.[1]
    const received = stream.events.filter(({ type }) => type === 'gateway-failed').length
    expect(received).toBeLessThanOrEqual(257)
    expect(received + Number(dropped)).toBe(1_500)
  })

  it('of how long a client may not read: the stream ends, over a socket too', async () => {
    const origin = await serve(shown.handle)
    const socket = connect(Number(new URL(origin).port), '127.0.0.1').pause()
    onClose(() => socket.destroy())
    socket.write('GET /api/v1/events?level=debug HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await expect.poll(() => shownStreams(socket)).toBe(true)
    const error = new Error('x'.repeat(400))
    // More than the buffers of both sides hold.
    for (let second = 0; second < 400; second++) {
      for (let index = 0; index < 190; index++) {
        lb.emit({ type: 'gateway-failed', service: 'users', statusCode: 502, method: 'GET', error })
      }
      await clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    // The stream is gone: there is room for as many as before.
    await Promise.all([open(), open(), open()])
  })

  it('of how long a server may not read for its client: the stream breaks off', async () => {
    const { body } = await shown.fetch(new Request('http://localhost/api/v1/events'))
    await clock.advance(60_000)
    await expect(body?.getReader().read()).rejects.toThrow('did not read')
  })

  it('of its life: it ends when its server stops accepting connections', async () => {
    const server = createServer(shown.handle)
    const origin = await listen(server)
    const response = await fetch(`${origin}/api/v1/events`)
    const stream = new EventReader(response)
    await stream.read()
    const closed = new Promise((resolve) => server.close(resolve))
    await clock.advance(1_000)
    while (await stream.read());
    await closed
  })

  it('of its life: it ends with the dashboard', async () => {
    const stream = await open()
    await lb.close()
    while (await stream.read());
    expect(stream.events.at(-1)?.type).toBe('closed')
  })
})

/** Whether the head of the response has arrived at the socket, which does not read. */
function shownStreams(socket: Socket): boolean {
  return socket.bytesWritten > 0
}
