import { GroupedBalancer, LoadBalancer, type LoadBalancerEvent, StaticDiscovery } from '@lb/core'
import { FakeClock, settlePromises } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Authorize,
  type ControlResponse,
  controlVerbs,
  type Dashboard,
  dashboard,
  type ServiceResponse,
  type ServicesResponse,
} from '../src/index.ts'
import { changeHeaders, get, post } from './requests.ts'

let lb: LoadBalancer
let shown: Dashboard
let events: LoadBalancerEvent[]

let clock: FakeClock

function use(authorize?: Authorize): void {
  shown = dashboard(lb, { authorize, clock })
}

beforeEach(async () => {
  clock = new FakeClock()
  lb = new LoadBalancer({
    discovery: new StaticDiscovery({
      users: ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'],
      canary: [
        { host: '10.0.0.1', port: 80, metadata: { group: 'stable' } },
        { host: '10.0.0.2', port: 80, metadata: { group: 'canary' } },
      ],
    }),
    services: {
      canary: {
        balancer: () =>
          new GroupedBalancer({
            groupOf: ({ metadata }) => metadata['group'] ?? '',
            shares: { stable: 95, canary: 5 },
          }),
      },
    },
  })
  await lb.ready('users')
  await lb.ready('canary')
  events = []
  lb.subscribe((event) => events.push(event), ['override-changed', 'control-refused'])
})

afterEach(async () => {
  shown.close()
  await lb.close()
})

const instance = '10.0.0.1:80'

describe('a change', () => {
  it('is made in the name of who asks for it, and gives the state after it', async () => {
    use(() => ({ by: 'alice' }))
    const drained = await post<ControlResponse>(shown, 'api/v1/services/users/drain', { instance })
    expect(drained.body).toMatchObject({ service: { candidates: 2 }, instance: { state: 'drained', candidate: false } })
    const weighted = await post<ControlResponse>(shown, 'api/v1/services/users/weight', {
      instance: '10.0.0.2:80',
      weight: 3,
    })
    expect(weighted.body.instance?.effectiveWeight).toBe(3)
    await post(shown, 'api/v1/services/users/restore', { instance })
    await post(shown, 'api/v1/services/canary/shares', { shares: { stable: 80, canary: 20 } })
    const { body } = await get<ServiceResponse>(shown, 'api/v1/services/canary')
    expect(body.instances.map(({ share }) => share.wanted)).toEqual([0.8, 0.2])
    await post(shown, 'api/v1/services/canary/shares', { shares: null })
    expect((await post(shown, 'api/v1/services/users/end-ejection', { instance })).status).toBe(200)
    expect(events).toMatchObject([
      { type: 'override-changed', by: 'alice', change: 'drained', instanceId: instance },
      { type: 'override-changed', by: 'alice', change: 'weight', weight: 3 },
      { type: 'override-changed', by: 'alice', change: 'restored' },
      { type: 'override-changed', by: 'alice', change: 'shares', shares: { stable: 80, canary: 20 } },
      { type: 'override-changed', by: 'alice', change: 'shares' },
    ])
  })

  it('is known to who decides, with the request of the server', async () => {
    const seen: unknown[] = []
    use(async ({ header, raw }, action) => {
      seen.push(header('x-user'), raw instanceof Request, action)
      return { by: 'alice' }
    })
    const headers = { ...changeHeaders, 'x-user': 'alice' }
    await post(shown, 'api/v1/services/users/weight', { instance, weight: 2 }, headers)
    expect(seen).toEqual(['alice', true, { type: 'weight', service: 'users', instance, weight: 2 }])
  })
})

const throwing: ProxyHandler<{ by: string }> = {
  get: (_, name) => {
    // Whoever awaits it asks for this.
    if (name !== 'then') throw new Error('hunter2')
  },
}

describe('without authority', () => {
  it.each(controlVerbs)('%s is refused by a dashboard that only reads', async (verb) => {
    use()
    const body = verb === 'shares' ? { shares: null } : verb === 'weight' ? { instance, weight: 1 } : { instance }
    const { status, body: answer } = await post(shown, `api/v1/services/users/${verb}`, body)
    expect({ status, code: answer.error.code }).toEqual({ status: 403, code: 'READ_ONLY' })
    expect(events).toMatchObject([{ type: 'control-refused', service: 'users', change: verb, because: 'read-only' }])
    expect((await get<ServicesResponse>(shown, 'api/v1/services')).body.control).toBe(false)
  })

  it.each([
    ['false without credentials', () => false as const, {}, 401, 'unauthorized'],
    ['nothing without credentials', async () => undefined, {}, 401, 'unauthorized'],
    ['false with credentials', () => false as const, { authorization: 'Bearer x' }, 403, 'forbidden'],
    ['an error', () => Promise.reject(new Error('no')), {}, 403, 'authorize-failed'],
    ['true, which is nobody', () => true as never, {}, 403, 'authorize-failed'],
    ['nobody', () => ({ by: '' }), {}, 403, 'authorize-failed'],
    ['null', () => null as never, {}, 403, 'authorize-failed'],
    ['what throws when it is read', () => new Proxy({ by: '' }, throwing), {}, 403, 'authorize-failed'],
  ])('(%s) it is refused, with an event', async (_, authorize, headers, status, because) => {
    use(authorize)
    const refused = await post(shown, 'api/v1/services/users/drain', { instance }, { ...changeHeaders, ...headers })
    expect(refused.status).toBe(status)
    expect(refused.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
    expect(events).toMatchObject([
      { type: 'control-refused', service: 'users', change: 'drain', instanceId: instance, because },
    ])
    expect(lb.inspect('users').overrides).toEqual([])
  })
})

describe('authority that does not come', () => {
  it('is refused after 30 seconds, and changes nothing when it comes then', async () => {
    let allow: (identity: { readonly by: string }) => void = () => {}
    use(
      () =>
        new Promise((resolve) => {
          allow = resolve
        }),
    )
    const answer = post(shown, 'api/v1/services/users/drain', { instance })
    await settlePromises()
    await clock.advance(30_000)
    expect((await answer).status).toBe(403)
    allow({ by: 'alice' })
    await settlePromises()
    expect(events).toMatchObject([{ type: 'control-refused', because: 'authorize-failed' }])
    expect(lb.inspect('users').overrides).toEqual([])
  })
})

describe('bad input', () => {
  beforeEach(() => use(() => ({ by: 'alice' })))

  it('an unknown service: 404 with those that are known', async () => {
    const { status, body } = await post(shown, 'api/v1/services/user/drain', { instance })
    expect({ status, known: body.error.known }).toEqual({ status: 404, known: ['canary', 'users'] })
  })

  it('an unknown instance: 404 with those that are known', async () => {
    const { status, body } = await post(shown, 'api/v1/services/users/drain', { instance: '10.0.0.9:80' })
    expect(status).toBe(404)
    expect(body.error).toMatchObject({
      code: 'LB_UNKNOWN_INSTANCE',
      known: ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'],
    })
  })

  it.each([[-1], [null], ['3'], [[]], [undefined], [Number.POSITIVE_INFINITY]])(
    'a weight of %j: 400 naming the field',
    async (weight) => {
      const { status, body } = await post(shown, 'api/v1/services/users/weight', { instance, weight })
      expect({ status, field: body.error.field }).toEqual({ status: 400, field: 'weight' })
    },
  )

  it.each([
    [{}, 'shares'],
    [[], 'shares'],
    ['x', 'shares'],
    [{ stable: -1 }, 'shares.stable'],
    [{ stable: 'x' }, 'shares.stable'],
  ])('shares of %j: 400 naming the field', async (shares, field) => {
    const { status, body } = await post(shown, 'api/v1/services/canary/shares', { shares })
    expect({ status, field: body.error.field }).toEqual({ status: 400, field })
  })

  it('shares of a service without groups, and of groups that are not there: 400', async () => {
    expect((await post(shown, 'api/v1/services/users/shares', { shares: { a: 1 } })).status).toBe(400)
    expect((await post(shown, 'api/v1/services/canary/shares', { shares: { none: 1 } })).status).toBe(400)
    expect(events).toEqual([])
  })
})
