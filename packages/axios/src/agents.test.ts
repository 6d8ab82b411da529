import { Agent, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, Socket } from 'node:net'
import { classifyError } from '@lb/core/authoring'
import { connectTimeoutMs } from '@lb/undici/authoring'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepAliveAgents, limitConnecting, withConnectionLimit } from './agents.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A socket in a state of its own. */
function socketThat(state: { connecting?: boolean; encrypted?: boolean; secureConnecting?: boolean }): Socket {
  const socket = new Socket()
  for (const [name, value] of Object.entries(state)) Object.defineProperty(socket, name, { value, configurable: true })
  return socket
}

describe('limitConnecting', () => {
  it.each([
    ['connection', { connecting: true }],
    ['connection', { connecting: true, encrypted: true, secureConnecting: true }],
    ['TLS handshake', { connecting: false, encrypted: true, secureConnecting: true }],
  ])('ends a socket without a %s: %j', (phase, state) => {
    const socket = socketThat(state)
    let failure: unknown
    socket.on('error', (error) => {
      failure = error
    })
    limitConnecting(socket)
    vi.advanceTimersByTime(connectTimeoutMs - 1)
    expect(socket.destroyed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(socket.destroyed).toBe(true)
    return vi.waitFor(() => {
      expect(failure).toMatchObject({
        code: 'ETIMEDOUT',
        message: expect.stringContaining(`no ${phase} within 3000 ms`),
      })
      // Provably never sent.
      expect(classifyError(failure)).toEqual({ ok: false, retry: 'always' })
    })
  })

  it.each([
    ['is connected', { connecting: true }, 'connect'],
    ['has made its handshake', { connecting: true, encrypted: true, secureConnecting: true }, 'secureConnect'],
    ['is closed', { connecting: true }, 'close'],
  ])('leaves one alone that %s', (_name, state, event) => {
    const socket = socketThat(state)
    limitConnecting(socket)
    expect(vi.getTimerCount()).toBe(1)
    socket.emit(event)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does nothing with one that is connected already', () => {
    limitConnecting(socketThat({ connecting: false }))
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('an idle connection of the agents', () => {
  it.each([
    [undefined, 1_000],
    ['timeout=5', 4_000],
    ['timeout=5, max=100', 4_000],
    ['max=100, Timeout=5', 4_000],
    ['timeout=2', 1_000],
    ['timeout=600', 60_000],
    ['max=5', 1_000],
  ])('with Keep-Alive: %s is closed after %d ms', (announced, idleMs) => {
    for (const agent of Object.values(keepAliveAgents())) {
      const socket = new Socket()
      Object.assign(socket, { _httpMessage: { res: { headers: { 'keep-alive': announced } } } })
      expect(agent.keepSocketAlive(socket)).not.toBe(false)
      expect(socket.timeout).toBe(idleMs)
      socket.destroy()
    }
  })

  it.each(['timeout=1', 'timeout=0'])('with Keep-Alive: %s is not used again', (announced) => {
    const socket = new Socket()
    Object.assign(socket, { _httpMessage: { res: { headers: { 'keep-alive': announced } } } })
    expect(keepAliveAgents().http.keepSocketAlive(socket)).toBe(false)
    socket.destroy()
  })
})

describe('withConnectionLimit', () => {
  let server: Server

  beforeEach(async () => {
    server = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 204 No Content\r\n\r\n')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  afterEach(() => new Promise((resolve) => server.close(resolve)))

  it("sends over the caller's agent, whose connections are limited until they are made", async () => {
    const agent = new Agent({ keepAlive: true })
    const limited = withConnectionLimit(agent)
    expect(withConnectionLimit(agent)).toBe(limited)
    expect(limited).toBeInstanceOf(Agent)
    const { port } = server.address() as AddressInfo
    let timers = -1
    const status = await new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, agent: limited }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      })
      sent.on('error', reject).end()
      sent.once('socket', () => {
        timers = vi.getTimerCount()
      })
    })
    expect({ status, timers, left: vi.getTimerCount() }).toEqual({ status: 204, timers: 1, left: 0 })
    expect(Object.hasOwn(agent, 'addRequest')).toBe(false)
    agent.destroy()
  })
})
