import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeDiscovery } from '@lb/testing'
import { Injectable } from '@nestjs/common'
import { HealthCheckService, type HealthIndicatorResult, TerminusModule } from '@nestjs/terminus'
import { describe, expect, it } from 'vitest'
import {
  getLoadBalancerToken,
  LoadBalancerDiagnostics,
  LoadBalancerHealthIndicator,
  LoadBalancerModule,
} from '../src/index.ts'
import { application } from './application.ts'

describe('LoadBalancerHealthIndicator', () => {
  it('is up while every service has an instance that may be picked, with details of each', async () => {
    const discovery = new StaticDiscovery({
      'user-service': ['127.0.0.1:1', { host: '127.0.0.1', port: 2, weight: 0 }],
    })
    const imports = [LoadBalancerModule.forRoot({ discovery }), LoadBalancerModule.forFeature('user-service')]
    const app = await application({ imports })
    const indicator = app.get(LoadBalancerHealthIndicator)
    const result: HealthIndicatorResult<'services'> = indicator.check('services')
    expect(result).toEqual({
      services: {
        status: 'up',
        services: {
          'user-service': { status: 'up', usable: 1, known: 2, states: { available: 1, drained: 1 }, list: 'fresh' },
        },
      },
    })
    discovery.set('user-service', [{ host: '127.0.0.1', port: 2, weight: 0 }])
    expect(indicator.check('services').services).toMatchObject({
      status: 'down',
      services: { 'user-service': { status: 'down', usable: 0, known: 1 } },
    })
  })

  it('is down while one of several services is, and looks only at those it is asked for', async () => {
    const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
    const services = { 'user-service': {}, 'order-service': {} }
    const app = await application({ imports: [LoadBalancerModule.forRoot({ discovery, services })] })
    const indicator = app.get(LoadBalancerHealthIndicator)
    expect(indicator.check('all').all.status).toBe('down')
    expect(indicator.check('users', ['user-service']).users.status).toBe('up')
  })

  it('says why the list is not known, and comes up when the registry does', async () => {
    const discovery = new FakeDiscovery(new Error('registry is down'))
    const imports = [
      LoadBalancerModule.forRoot({ discovery, firstListTimeoutMs: 1 }),
      LoadBalancerModule.forFeature('user-service'),
    ]
    const app = await application({ imports })
    const indicator = app.get(LoadBalancerHealthIndicator)
    expect(indicator.check('services').services.status).toBe('down')
    discovery.answer = ['127.0.0.1:1']
    // The name was forgotten when there was no list in time; the check itself has it asked for again.
    await expect.poll(() => indicator.check('services').services.status).toBe('up')
  })

  it('tells terminus', async () => {
    const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
    const services = { 'user-service': {} }
    const app = await application({
      imports: [LoadBalancerModule.forRoot({ discovery, services }), TerminusModule.forRoot({ logger: false })],
    })
    const health = app.get(HealthCheckService)
    const indicator = app.get(LoadBalancerHealthIndicator)
    const check = () => health.check([() => indicator.check('services')])
    expect(await check()).toMatchObject({ status: 'ok', info: { services: { status: 'up' } } })
    discovery.set('user-service', [{ host: '127.0.0.1', port: 1, weight: 0 }])
    await expect(check()).rejects.toMatchObject({
      status: 503,
      response: {
        status: 'error',
        error: { services: { status: 'down', services: { 'user-service': { usable: 0 } } } },
      },
    })
  })

  it('may stand in the providers of a module, as indicators of terminus do', async () => {
    @Injectable()
    class Health {
      readonly indicator: LoadBalancerHealthIndicator
      constructor(indicator: LoadBalancerHealthIndicator) {
        this.indicator = indicator
      }
    }
    const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
    const app = await application({
      imports: [LoadBalancerModule.forRoot({ discovery }), LoadBalancerModule.forFeature('user-service')],
      providers: [Health, LoadBalancerHealthIndicator],
    })
    const { services } = app.get(Health).indicator.check('services')
    expect([services.status, Object.keys(services.services)]).toEqual(['up', ['user-service']])
  })

  it('checks the services that a load balancer knows when it is made with nothing else', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['127.0.0.1:1'] }) })
    const indicator = new LoadBalancerHealthIndicator(lb)
    expect(indicator.check('all')).toEqual({ all: { status: 'up', services: {} } })
    await lb.ready('users')
    expect(indicator.check('all').all.services).toMatchObject({ users: { status: 'up' } })
    await lb.close()
  })

  it('is made by hand for a named load balancer', async () => {
    const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
    const app = await application({
      imports: [LoadBalancerModule.forRoot({ discovery, services: { 'user-service': {} }, name: 'partner' })],
      providers: [
        {
          provide: 'PARTNER_HEALTH',
          useFactory: (lb: LoadBalancer) => new LoadBalancerHealthIndicator(lb, ['user-service']),
          inject: [getLoadBalancerToken('partner')],
        },
      ],
    })
    const indicator = app.get<LoadBalancerHealthIndicator>('PARTNER_HEALTH')
    expect(indicator.check('partner').partner.status).toBe('up')
  })
})

describe('LoadBalancerDiagnostics', () => {
  it('tells what the load balancer knows, as plain data', async () => {
    const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
    const app = await application({
      imports: [LoadBalancerModule.forRoot({ discovery, services: { 'user-service': {} } })],
      providers: [LoadBalancerDiagnostics],
    })
    const [service] = app.get(LoadBalancerDiagnostics).inspect()
    expect(service).toMatchObject({ service: 'user-service', status: 'fresh', discovery: 'StaticDiscovery' })
    expect(JSON.parse(JSON.stringify(service)).instances).toHaveLength(1)
  })
})
