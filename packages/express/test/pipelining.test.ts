import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { FakeClock } from '@lb/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { closeAll, exchangeBytes, startGateway, startInstance } from './support.ts'

afterEach(async () => {
  await closeAll()
  vi.restoreAllMocks()
})

const count = 20
const requests = Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join('')

it('pipelined requests get their responses in order, and Node does not warn of their listeners', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const { port, lb } = await startGateway([
    await startInstance((request, response) => response.end(`at ${request.url};`)),
  ])
  // The last one closes the connection: no time has to pass for the end to be known.
  const last = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const received = await exchangeBytes(port, requests + last, 20_000)
  expect(received.match(/at \/\d+;/g)).toEqual(Array.from({ length: count }, (_, index) => `at /${index};`))
  expect(warn).not.toHaveBeenCalled()
  expect(lb.inspect('service').inFlight).toBe(0)
})

it('pipelined requests end with the connection, also those whose response waits', async () => {
  const waiting: ServerResponse[] = []
  const closed: unknown[] = []
  const { port, lb } = await startGateway([
    await startInstance((_request, response) => {
      waiting.push(response)
      response.on('close', () => closed.push(response))
    }),
  ])
  const client = connect(port, '127.0.0.1')
  client.write(requests)
  await vi.waitFor(() => expect(waiting).toHaveLength(count))
  client.destroy()
  await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
  await vi.waitFor(() => expect(closed).toHaveLength(count))
})

it.each([
  ['complete at the instance', (response: ServerResponse) => response.end(Buffer.alloc(400_000, 'x'))],
  ['on its way', (response: ServerResponse) => response.write(Buffer.alloc(400_000, 'x'))],
])('a long response that waits, %s, leaves no timer behind when its client goes away', async (_name, answer) => {
  const clock = new FakeClock()
  const instance = await startInstance((request, response) => {
    if (request.url === '/long') answer(response)
  })
  const { port, lb } = await startGateway([instance], { proxy: { clock } })
  const client = connect(port, '127.0.0.1')
  client.write('GET /silent HTTP/1.1\r\nHost: a\r\n\r\nGET /long HTTP/1.1\r\nHost: a\r\n\r\n')
  await vi.waitFor(() => expect(clock.pendingTimers).toBeGreaterThan(0))
  client.destroy()
  await vi.waitFor(() => expect(clock.pendingTimers).toBe(0))
  await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
})
