import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeDiscovery, LoopbackBackend } from '@lb/testing'
import { Injectable, Scope } from '@nestjs/common'
import { type ContextId, ContextIdFactory, REQUEST } from '@nestjs/core'
import type { AxiosInstance } from 'axios'
import { describe, expect, it } from 'vitest'
import { getLoadBalancerToken, getServiceClientToken, InjectServiceClient, LoadBalancerModule } from '../src/index.ts'
import { application } from './application.ts'

class Consumer {
  readonly lb: LoadBalancer
  readonly client: AxiosInstance
  constructor(lb: LoadBalancer, client: AxiosInstance) {
    this.lb = lb
    this.client = client
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestConsumer extends Consumer {
  constructor(lb: LoadBalancer, @InjectServiceClient('user-service') client: AxiosInstance) {
    super(lb, client)
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TransientConsumer extends Consumer {
  constructor(lb: LoadBalancer, @InjectServiceClient('user-service') client: AxiosInstance) {
    super(lb, client)
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableConsumer extends Consumer {
  constructor(lb: LoadBalancer, @InjectServiceClient('user-service') client: AxiosInstance) {
    super(lb, client)
  }
}

const discovery = (): StaticDiscovery => new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
const imports = () => [
  LoadBalancerModule.forRoot({ discovery: discovery() }),
  LoadBalancerModule.forFeature('user-service'),
]

describe.each([
  ['request-scoped', RequestConsumer],
  ['transient', TransientConsumer],
  ['durable', DurableConsumer],
])('a %s provider', (_, type) => {
  it('is made anew, with the one load balancer and the one client of the application', async () => {
    const app = await application({ imports: imports(), providers: [type] })
    const first = await app.resolve(type, ContextIdFactory.create())
    const second = await app.resolve(type, ContextIdFactory.create())
    expect(second).not.toBe(first)
    for (const { lb, client } of [first, second]) {
      expect(lb).toBe(app.get(LoadBalancer))
      expect(client).toBe(app.get(getServiceClientToken('user-service')))
    }
  })
})

describe('a durable provider', () => {
  it('lives as long as its tenant, and the load balancer longer', async () => {
    const tenants = new Map<string, ContextId>()
    ContextIdFactory.apply({
      attach: (contextId, request: { tenant: string }) => {
        const tenant = tenants.get(request.tenant) ?? ContextIdFactory.create()
        tenants.set(request.tenant, tenant)
        return { resolve: ({ isTreeDurable }) => (isTreeDurable ? tenant : contextId), payload: request }
      },
    })
    const app = await application({ imports: imports(), providers: [DurableConsumer] })
    const of = (tenant: string): Promise<DurableConsumer> => {
      const request = { tenant }
      const contextId = ContextIdFactory.getByRequest(request)
      app.registerRequestByContextId(request, contextId)
      const resolved = contextId.getParent?.({ token: DurableConsumer, isTreeDurable: true }) ?? contextId
      return app.resolve(DurableConsumer, resolved)
    }
    expect(await of('a')).toBe(await of('a'))
    expect(await of('b')).not.toBe(await of('a'))
    expect((await of('b')).lb).toBe((await of('a')).lb)
  })
})

describe('in a test', () => {
  it.each([
    ['its class', LoadBalancer],
    ['its token', getLoadBalancerToken()],
  ])('the load balancer is overridden by %s, for clients as well', async (_, token) => {
    const backend = await LoopbackBackend.start({ id: 'fake' })
    const own = new FakeDiscovery([])
    const fake = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': [backend.address] }) })
    const app = await application(
      { imports: [LoadBalancerModule.forRoot({ discovery: own }), LoadBalancerModule.forFeature('user-service')] },
      { override: (builder) => builder.overrideProvider(token).useValue(fake) },
    )
    const { data } = await app.get<AxiosInstance>(getServiceClientToken('user-service')).get('/x')
    expect(data.id).toBe('fake')
    expect(own.asked).toBe(0)
    await fake.close()
    await backend.stop()
  })

  it('a client is overridden by its token', async () => {
    const fake = { get: async () => ({ data: 'fake' }) }
    const app = await application(
      { imports: imports(), providers: [RequestConsumer] },
      { override: (builder) => builder.overrideProvider(getServiceClientToken('user-service')).useValue(fake) },
    )
    const { client } = await app.resolve(RequestConsumer, ContextIdFactory.create())
    expect(await client.get('/x')).toEqual({ data: 'fake' })
  })

  it('a request-scoped factory may make what is no load balancer of the module', async () => {
    const app = await application({
      imports: imports(),
      providers: [
        {
          provide: 'TENANT_CLIENT',
          scope: Scope.REQUEST,
          useFactory: (client: AxiosInstance, request: unknown) => ({ client, request }),
          inject: [getServiceClientToken('user-service'), REQUEST],
        },
      ],
    })
    const contextId = ContextIdFactory.create()
    app.registerRequestByContextId({ tenant: 'a' }, contextId)
    const made = await app.resolve<{ client: AxiosInstance; request: unknown }>('TENANT_CLIENT', contextId)
    expect(made).toEqual({ client: app.get(getServiceClientToken('user-service')), request: { tenant: 'a' } })
  })
})
