import { LoadBalancer } from '@lb/core'
import { FakeClock, Notes, seededRandom, settlePromises } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DnsSrvDiscovery, DnsSrvDiscoveryOptions } from '../src/index.ts'
import { addressesOf, discoveryOn, serviceName } from './discovery-on-loopback.ts'
import { type AnswerParts, address, alias, LoopbackNameServer, soa, srv } from './loopback-name-server.ts'

let server: LoopbackNameServer
let clock: FakeClock
let discovery: DnsSrvDiscovery
let notes: Notes

beforeEach(async () => {
  server = await LoopbackNameServer.start()
  clock = new FakeClock()
  notes = new Notes()
})

afterEach(async () => {
  await discovery.close()
  await settlePromises()
  expect(clock.pendingTimers).toBe(0)
  await server.close()
})

/** Jitter takes nothing off. */
function open(options: DnsSrvDiscoveryOptions = {}): void {
  discovery = discoveryOn(server, { clock, random: () => 0, ...options })
}

/** Waits on real time until the answers on the way were told: virtual time stands still meanwhile. */
function told(count: number): Promise<void> {
  return vi.waitFor(() => expect(notes.calls).toBe(count), { interval: 2 })
}

/** Expects that the next question comes exactly `delayMs` after the `count` answers so far. */
async function expectRefreshAfter(delayMs: number, count: number): Promise<void> {
  await told(count)
  await clock.advance(delayMs - 1)
  // Nothing but the timer of the next refresh: no question is on the way.
  expect(clock.pendingTimers).toBe(1)
  await clock.advance(1)
  await told(count + 1)
}

/** One after the other; the same again for a question that is asked again without EDNS. */
function answers(...parts: AnswerParts[]): void {
  let index = -1
  server.answer(({ type, udpPayloadSize }) => {
    if (type !== 'SRV') return { code: 3 }
    if (udpPayloadSize !== undefined) index++
    return parts[Math.min(index, parts.length - 1)]
  })
}

const glue = (ttl: number): ReturnType<typeof address>[] => [address('a.lb.test', '10.0.0.1', ttl)]
const record = (ttl: number, target = 'a.lb.test'): ReturnType<typeof srv> => srv(serviceName, target, { ttl })

describe('the next refresh comes after', () => {
  it.each<[string, AnswerParts, number]>([
    ['the time to live', { answers: [record(7)], additionals: glue(60) }, 7_000],
    ['the smallest of the records', { answers: [record(20), record(4, 'b.lb.test')], additionals: glue(60) }, 4_000],
    ['that of the address, when it is smaller', { answers: [record(20)], additionals: glue(3) }, 3_000],
    [
      'that of the alias, when it is smaller',
      { answers: [alias(serviceName, 'x.test', 6), srv('x.test', 'a.lb.test', { ttl: 9 })], additionals: glue(60) },
      6_000,
    ],
    [
      'that of the first of two aliases, when it is the smallest',
      {
        answers: [
          alias(serviceName, 'x.test', 6),
          alias('x.test', 'y.test', 9),
          srv('y.test', 'a.lb.test', { ttl: 9 }),
        ],
        additionals: glue(60),
      },
      6_000,
    ],
    ['1 s, when it is 0', { answers: [record(0)], additionals: glue(60) }, 1_000],
    ['30 s, when it is more', { answers: [record(86_400)], additionals: glue(86_400) }, 30_000],
    ['30 s, for a service that is decidedly not available', { answers: [srv(serviceName, '.', { ttl: 600 })] }, 30_000],
    ['the minimum of the SOA, when there is nothing', { code: 3, authorities: [soa('lb.test', 600, 8)] }, 8_000],
    ['the time to live of the SOA, when that is smaller', { authorities: [soa('test', 9, 600)] }, 9_000],
    ['10 s, when there is nothing, and no SOA', { code: 3 }, 10_000],
    ['10 s, when the SOA is that of another zone', { code: 3, authorities: [soa('b.test', 2, 2)] }, 10_000],
  ])('%s', async (_, parts, delayMs) => {
    answers(parts)
    open({ name: '_http._tcp.{service}.lb.test.' })
    const subscription = discovery.watch('web', notes)
    await expectRefreshAfter(delayMs, 1)
    subscription.close()
  })

  it('a little less each time, never the same', async () => {
    answers({ answers: [record(10)], additionals: glue(60) })
    open({ random: seededRandom(1) })
    discovery.watch('web', notes)
    const timers = vi.spyOn(clock, 'setTimeout')
    const delays: number[] = []
    for (let count = 1; count <= 10; count++) {
      await told(count)
      const delayMs = timers.mock.lastCall?.[1] ?? 0
      delays.push(delayMs)
      await clock.advance(delayMs)
    }
    // Up to a fifth less.
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(8_000)
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_000)
    expect(new Set(delays).size).toBe(10)
  })
})

describe('a failure', () => {
  it('is told, backs off, and changes no list', async () => {
    answers({ answers: [record(5)], additionals: glue(60) }, { code: 2 }, { code: 2 }, { code: 5 }, { code: 3 })
    open()
    discovery.watch('web', notes)
    await expectRefreshAfter(5_000, 1)
    await expectRefreshAfter(1_000, 2)
    await expectRefreshAfter(2_000, 3)
    await expectRefreshAfter(4_000, 4)
    expect(notes.lists.map(addressesOf)).toEqual([['10.0.0.1:8080'], []])
    expect(notes.errors).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'LB_DISCOVERY', service: 'web' })))
  })

  it('leaves a load balancer with the last good list; an empty answer is believed when it is confirmed', async () => {
    answers({ answers: [record(5)], additionals: glue(60) }, { code: 2 }, { code: 3 })
    open()
    const lb = new LoadBalancer({ discovery, clock, random: () => 0 })
    await lb.ready('web')
    await clock.advance(5_000)
    await vi.waitFor(() => expect(lb.inspect('web')).toMatchObject({ status: 'stale' }))
    expect(lb.pick('web').host).toBe('10.0.0.1')
    await clock.advance(1_000)
    await vi.waitFor(() => expect(server.queries).toHaveLength(4))
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(2))
    expect(lb.pick('web').host).toBe('10.0.0.1')
    await clock.advance(1_000)
    await vi.waitFor(() => expect(() => lb.pick('web')).toThrow('no available instance'))
    await lb.close()
  })

  it('of the addresses of one target leaves that target what it had', async () => {
    const targets = [record(30), record(30, 'b.lb.test')]
    let healthy = true
    server.answer(({ type, name }) => {
      if (type === 'SRV') return { answers: targets }
      if (name === 'a.lb.test') return type === 'A' ? { answers: [address(name, '10.0.0.1', 30)] } : {}
      if (!healthy) return { code: 2 }
      return type === 'A' ? { answers: [address(name, '10.0.0.2', 30)] } : {}
    })
    open()
    discovery.watch('web', notes)
    await told(1)
    healthy = false
    await clock.advance(30_000)
    await told(2)
    expect(notes.lists.map(addressesOf)).toEqual(Array.from({ length: 2 }, () => ['10.0.0.1:8080', '10.0.0.2:8080']))
    // Tried again soon.
    await expectRefreshAfter(5_000, 2)
  })
})

describe('addresses that were asked for', () => {
  it('are kept for their time to live, and forgotten with their target', async () => {
    let targets = [record(2), record(2, 'b.lb.test')]
    server.answer(({ type, name }) => {
      if (type === 'SRV') return { answers: targets }
      return type === 'A'
        ? { answers: [address(name, name.startsWith('a') ? '10.0.0.1' : '10.0.0.2', 5)] }
        : { code: 3 }
    })
    open({ family: 4 })
    discovery.watch('web', notes)
    const asked = (): string[] => server.queries.filter(({ type }) => type === 'A').map(({ name }) => name)
    // At 0 and 2 s from memory; at 4 s four fifths of the 5 s are over, and refreshes come up to a fifth early.
    await expectRefreshAfter(2_000, 1)
    expect(asked().sort()).toEqual(['a.lb.test', 'b.lb.test'])
    await expectRefreshAfter(2_000, 2)
    expect(asked().sort()).toEqual(['a.lb.test', 'a.lb.test', 'b.lb.test', 'b.lb.test'])
    targets = [record(2)]
    await expectRefreshAfter(2_000, 3)
    targets = [record(2), record(2, 'b.lb.test')]
    await expectRefreshAfter(2_000, 4)
    expect(asked().filter((name) => name === 'b.lb.test')).toHaveLength(3)
  })
})
