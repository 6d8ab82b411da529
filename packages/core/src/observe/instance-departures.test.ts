import { FakeClock, instance } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadBalancerOptions } from '../config/service-options.ts'
import { StaticDiscovery } from '../discovery/static-discovery.ts'
import { LoadBalancer } from '../load-balancer.ts'
import { onDeparture } from './instance-departures.ts'

let clock: FakeClock
let discovery: StaticDiscovery
let lb: LoadBalancer
let departed: string[]

beforeEach(() => {
  clock = new FakeClock()
  discovery = new StaticDiscovery()
})

afterEach(() => lb.close())

async function use(options: Partial<LoadBalancerOptions> = {}): Promise<void> {
  lb = new LoadBalancer({ discovery, clock, emptyGraceMs: 0, ...options })
  departed = []
  onDeparture(lb, ({ host, port }, service) => departed.push(`${service} ${host}:${port}`))
  lb.ready('users').catch(() => {})
  discovery.set('users', [instance('a', { host: '10.0.0.1', port: 80 }), instance('b', { host: '10.0.0.2', port: 80 })])
  await lb.ready('users')
}

describe('onDeparture', () => {
  it('says which instance was removed, and which moved', async () => {
    await use()
    discovery.set('users', [instance('a', { host: '10.0.0.9', port: 80 })])
    expect(departed.toSorted()).toEqual(['users 10.0.0.1:80', 'users 10.0.0.2:80'])
  })

  it('says so again when the last request of a removed one has ended', async () => {
    await use()
    const { instance: picked, done } = await lb.acquire('users')
    discovery.set('users', [])
    departed.length = 0
    done({ ok: true, latencyMs: 1 })
    expect(departed).toEqual([`users ${picked.host}:80`])
  })

  it('says so when an instance that was kept is no longer', async () => {
    const probe = (): boolean => true
    await use({ healthCheck: { probe, keepRemovedMs: 5_000, initialJitterMs: 0 } })
    await clock.advance(10)
    discovery.set('users', [instance('a', { host: '10.0.0.1', port: 80 })])
    departed.length = 0
    await clock.advance(5_000)
    expect(departed).toEqual(['users 10.0.0.2:80'])
  })

  it('knows those of before it was asked, and says all when the load balancer is closed', async () => {
    await use()
    const later: string[] = []
    onDeparture(lb, ({ host }) => later.push(host))
    await lb.close()
    expect(later).toEqual(['10.0.0.1', '10.0.0.2'])
  })

  it('says all of a service that is released', async () => {
    await use({ maxServices: 1 })
    lb.ready('orders').catch(() => {})
    expect(departed).toEqual(['users 10.0.0.1:80', 'users 10.0.0.2:80'])
  })
})
