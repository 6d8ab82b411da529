import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { Inject, Injectable, Module } from '@nestjs/common'
import nestPackage from '@nestjs/core/package.json' with { type: 'json' }
import type { AxiosInstance } from 'axios'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  getLoadBalancerToken,
  getServiceClientToken,
  InjectLoadBalancer,
  InjectServiceClient,
  LoadBalancerModule,
  type LoadBalancerModuleOptions,
  type LoadBalancerOptionsFactory,
} from '../src/index.ts'
import { application } from './application.ts'

let users: LoopbackBackend
let orders: LoopbackBackend
let discovery: StaticDiscovery

beforeAll(async () => {
  users = await LoopbackBackend.start({ id: 'users' })
  orders = await LoopbackBackend.start({ id: 'orders' })
})

beforeEach(() => {
  discovery = new StaticDiscovery({ 'user-service': [users.address], 'order-service': [orders.address] })
})

afterAll(async () => {
  await users.stop()
  await orders.stop()
})

async function served(client: AxiosInstance, url = '/v1/profile'): Promise<string> {
  const { data } = await client.get<{ id: string; url: string }>(url)
  return `${data.id} ${data.url}`
}

it('runs on the Nest that it is meant to run on', () => {
  expect(nestPackage.version.split('.')[0]).toBe(process.env.NEST_MAJOR ?? '12')
})

describe('injection', () => {
  it('gives the load balancer by its class, by the decorator, and as a property', async () => {
    @Injectable()
    class Consumer {
      @InjectLoadBalancer() readonly byProperty!: LoadBalancer
      readonly byClass: LoadBalancer
      readonly byDecorator: LoadBalancer
      constructor(byClass: LoadBalancer, @InjectLoadBalancer() byDecorator: LoadBalancer) {
        this.byClass = byClass
        this.byDecorator = byDecorator
      }
    }
    const app = await application({ imports: [LoadBalancerModule.forRoot({ discovery })], providers: [Consumer] })
    const { byClass, byDecorator, byProperty } = app.get(Consumer)
    expect(byClass).toBeInstanceOf(LoadBalancer)
    expect(byDecorator).toBe(byClass)
    expect(byProperty).toBe(byClass)
    expect(app.get(getLoadBalancerToken())).toBe(byClass)
  })

  it('gives clients that are bound to their service, where forFeature is imported', async () => {
    @Injectable()
    class Consumer {
      readonly users: AxiosInstance
      readonly orders: AxiosInstance
      constructor(
        @InjectServiceClient('user-service') first: AxiosInstance,
        @InjectServiceClient('order-service') second: AxiosInstance,
      ) {
        this.users = first
        this.orders = second
      }
    }
    @Module({ imports: [LoadBalancerModule.forFeature('user-service', 'order-service')], providers: [Consumer] })
    class FeatureModule {}

    const app = await application({ imports: [FeatureModule, LoadBalancerModule.forRoot({ discovery })] })
    const consumer = app.get(Consumer)
    expect(await served(consumer.users)).toBe('users /v1/profile')
    expect(await served(consumer.orders, 'v1/orders?open=1')).toBe('orders /v1/orders?open=1')
    expect(await served(consumer.users, 'http://order-service/other')).toBe('orders /other')
  })

  it('lets a client have defaults, a path of its own, and options of the adapter', async () => {
    const imports = [
      LoadBalancerModule.forRoot({ discovery }),
      LoadBalancerModule.forFeature({
        service: 'user-service',
        hostHeader: 'service',
        axios: { baseURL: '/v1', headers: { 'x-from': 'gateway' } },
      }),
    ]
    const app = await application({ imports })
    const { data } = await app.get<AxiosInstance>(getServiceClientToken('user-service')).get('/profile')
    expect(data).toMatchObject({ url: '/v1/profile', headers: { host: 'user-service', 'x-from': 'gateway' } })
  })

  it('makes a client for factories that need it while the application starts', async () => {
    const app = await application({
      imports: [
        LoadBalancerModule.forRootAsync({ useFactory: async () => ({ discovery }) }),
        LoadBalancerModule.forFeature('user-service'),
      ],
      providers: [{ provide: 'REMOTE', useFactory: served, inject: [getServiceClientToken('user-service')] }],
    })
    expect(app.get('REMOTE')).toBe('users /v1/profile')
  })
})

describe('forRootAsync', () => {
  @Injectable()
  class Settings {
    readonly discovery: () => StaticDiscovery = () => discovery
  }
  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  @Injectable()
  class OptionsFactory implements LoadBalancerOptionsFactory {
    createLoadBalancerOptions(): LoadBalancerModuleOptions {
      return { discovery }
    }
  }
  @Module({ providers: [OptionsFactory], exports: [OptionsFactory] })
  class OptionsModule {}

  it.each([
    [
      'useFactory with imports and inject',
      () =>
        LoadBalancerModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async (settings: Settings) => ({ discovery: settings.discovery() }),
        }),
    ],
    ['useClass', () => LoadBalancerModule.forRootAsync({ useClass: OptionsFactory })],
    ['useExisting', () => LoadBalancerModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsFactory })],
  ])('takes options from %s', async (_, root) => {
    const app = await application({ imports: [root(), LoadBalancerModule.forFeature('user-service')] })
    expect(await served(app.get(getServiceClientToken('user-service')))).toBe('users /v1/profile')
  })

  it('has its name and visibility beside the factory', async () => {
    @Module({ providers: [{ provide: 'SEEN', useFactory: (lb) => lb, inject: [getLoadBalancerToken('edge')] }] })
    class OtherModule {}
    const root = LoadBalancerModule.forRootAsync({ name: 'edge', isGlobal: true, useFactory: () => ({ discovery }) })
    const app = await application({ imports: [root, OtherModule] })
    expect(app.get('SEEN', { strict: false })).toBeInstanceOf(LoadBalancer)
  })
})

describe('visibility', () => {
  @Module({ providers: [{ provide: 'SEEN', useFactory: (lb) => lb, inject: [LoadBalancer] }] })
  class OtherModule {}

  it('is everywhere with isGlobal', async () => {
    const root = LoadBalancerModule.forRoot({ discovery, isGlobal: true })
    const app = await application({ imports: [root, OtherModule] })
    expect(app.get('SEEN', { strict: false })).toBe(app.get(LoadBalancer))
  })

  it('is where the module is imported without isGlobal', async () => {
    const root = LoadBalancerModule.forRoot({ discovery })
    await expect(application({ imports: [root, OtherModule] })).rejects.toThrow(/resolve dependencies of the SEEN/)
    @Module({ imports: [root], exports: [root] })
    class SharedModule {}
    @Module({
      imports: [SharedModule],
      providers: [{ provide: 'SHARED', useFactory: (lb) => lb, inject: [LoadBalancer] }],
    })
    class ThirdModule {}
    const app = await application({ imports: [root, ThirdModule] })
    expect(app.get('SHARED', { strict: false })).toBe(app.get(LoadBalancer))
  })
})

describe('several load balancers', () => {
  it('are told apart by name, for themselves and for clients', async () => {
    @Injectable()
    class Consumer {
      readonly lb: LoadBalancer
      readonly partner: LoadBalancer
      readonly client: AxiosInstance
      readonly partnerClient: AxiosInstance
      constructor(
        @Inject(LoadBalancer) lb: LoadBalancer,
        @InjectLoadBalancer('partner') partner: LoadBalancer,
        @InjectServiceClient('user-service') client: AxiosInstance,
        @InjectServiceClient('user-service', 'partner') partnerClient: AxiosInstance,
      ) {
        this.lb = lb
        this.partner = partner
        this.client = client
        this.partnerClient = partnerClient
      }
    }
    const app = await application({
      imports: [
        LoadBalancerModule.forRoot({ discovery }),
        LoadBalancerModule.forRootAsync({
          name: 'partner',
          useFactory: () => ({ discovery: new StaticDiscovery({ 'user-service': [orders.address] }) }),
        }),
        LoadBalancerModule.forFeature('user-service', { service: 'user-service', loadBalancer: 'partner' }),
      ],
      providers: [Consumer],
    })
    const consumer = app.get(Consumer)
    expect(consumer.partner).not.toBe(consumer.lb)
    expect(await served(consumer.client)).toBe('users /v1/profile')
    expect(await served(consumer.partnerClient)).toBe('orders /v1/profile')
  })
})
