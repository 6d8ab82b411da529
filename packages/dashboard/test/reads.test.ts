import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ErrorResponse, ServiceResponse, ServicesResponse } from '../src/index.ts'
import { type Dashboard, dashboard } from '../src/index.ts'

let clock: FakeClock
let lb: LoadBalancer
let shown: Dashboard

beforeEach(async () => {
  clock = new FakeClock()
  const many = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:80`)
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({
      users: [
        { host: '10.0.0.1', port: 80, weight: 3 },
        { host: '10.0.0.2', port: 80, weight: 1 },
        { host: '10.0.0.3', port: 80, weight: 0 },
      ],
      many,
    }),
    clock,
  })
  await lb.ready('users')
  await lb.ready('many')
  shown = dashboard(lb, { clock, title: 'shop' })
})

afterEach(async () => {
  shown.close()
  await lb.close()
})

async function read<T>(path: string): Promise<T & { readonly status: number }> {
  const response = await shown.fetch(new Request(`http://localhost/lb/${path}`))
  return { ...((await response.json()) as T), status: response.status }
}

describe('GET api/v1/services', () => {
  it('counts the instances of every service by state', async () => {
    const { title, control, total, services } = await read<ServicesResponse>('api/v1/services')
    expect({ title, control, total }).toEqual({ title: 'shop', control: false, total: 2 })
    expect(services.map(({ service, candidates, known, states }) => ({ service, candidates, known, states }))).toEqual([
      { service: 'many', candidates: 1_000, known: 1_000, states: { available: 1_000 } },
      { service: 'users', candidates: 2, known: 3, states: { available: 2, drained: 1 } },
    ])
  })

  it('gives a part of them', async () => {
    const { total, services } = await read<ServicesResponse>('api/v1/services?offset=1&limit=1')
    expect(total).toBe(2)
    expect(services.map(({ service }) => service)).toEqual(['users'])
  })
})

describe('GET api/v1/services/:name', () => {
  it('says of each instance its state, why, and the share that its weight asks for', async () => {
    const { instances, service } = await read<ServiceResponse>('api/v1/services/users')
    expect(service.service).toBe('users')
    expect(instances.map(({ address, state, reason, share }) => ({ address, state, reason, share }))).toEqual([
      { address: '10.0.0.1:80', state: 'available', reason: 'may be picked', share: { wanted: 0.75 } },
      { address: '10.0.0.2:80', state: 'available', reason: 'may be picked', share: { wanted: 0.25 } },
      { address: '10.0.0.3:80', state: 'drained', reason: 'its weight is 0', share: { wanted: 0 } },
    ])
  })

  it('pages, selects and sorts', async () => {
    const page = await read<ServiceResponse>('api/v1/services/many?offset=990&limit=100')
    expect({ total: page.total, shown: page.instances.length }).toEqual({ total: 1_000, shown: 10 })
    const drained = await read<ServiceResponse>('api/v1/services/users?state=drained')
    expect(drained.instances.map(({ address }) => address)).toEqual(['10.0.0.3:80'])
    const trouble = await read<ServiceResponse>('api/v1/services/users?sort=trouble')
    expect(trouble.instances[0]?.address).toBe('10.0.0.3:80')
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['offset=-1', 'offset'],
    ['offset=1e3', 'offset'],
    ['sort=best', 'sort'],
  ])('refuses %s and names the field', async (query, field) => {
    const { status, error } = await read<ErrorResponse>(`api/v1/services/users?${query}`)
    expect({ status, field: error.field }).toEqual({ status: 400, field })
  })

  it('says what is known in place of an unknown service, and leaves no watch for it', async () => {
    const { status, error } = await read<ErrorResponse>('api/v1/services/user')
    expect(status).toBe(404)
    expect(error).toMatchObject({ code: 'LB_UNKNOWN_SERVICE', known: ['many', 'users'] })
    expect(lb.inspect().map(({ service }) => service)).toEqual(['users', 'many'])
  })
})
