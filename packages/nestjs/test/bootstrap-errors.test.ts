import { InvalidOptionError, StaticDiscovery } from '@lb/core'
import { type DynamicModule, Injectable, Scope } from '@nestjs/common'
import { describe, expect, it } from 'vitest'
import {
  getLoadBalancerToken,
  getServiceClientToken,
  LoadBalancerModule,
  type LoadBalancerModuleOptions,
  type LoadBalancerRootAsyncOptions,
  type LoadBalancerRootOptions,
} from '../src/index.ts'
import { application } from './application.ts'

const discovery = new StaticDiscovery({ 'user-service': ['127.0.0.1:1'] })
const root = (): DynamicModule => LoadBalancerModule.forRoot({ discovery })

/** The error of an application that must not start. */
async function failure(...imports: (() => DynamicModule)[]): Promise<Error> {
  try {
    await application({ imports: imports.map((make) => make()) })
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('the application started')
}

const wrong = <T>(value: unknown): T => value as T

describe('options that are missing or wrong', () => {
  it.each<[string, () => DynamicModule, string]>([
    [
      'no options',
      () => LoadBalancerModule.forRoot(wrong(undefined)),
      'LoadBalancerModule.forRoot(): options are missing, got undefined; give at least a discovery: forRoot({ discovery })',
    ],
    [
      'no discovery',
      () => LoadBalancerModule.forRoot(wrong({})),
      'LoadBalancerModule.forRoot(): LoadBalancer.discovery is missing. Give a ServiceDiscovery, such as new StaticDiscovery({ ... })',
    ],
    [
      'an unknown option',
      () => LoadBalancerModule.forRoot(wrong<LoadBalancerRootOptions>({ discovery, name: 'edge', retries: 3 })),
      'LoadBalancerModule.forRoot({ name: "edge" }): LoadBalancer.retries is not a known option',
    ],
    [
      'a time limit that is none',
      () => LoadBalancerModule.forRoot({ discovery, drainTimeoutMs: -1 }),
      'LoadBalancerModule.forRoot(): drainTimeoutMs must be a number of milliseconds in [0, 2147483647], got -1 (number)',
    ],
    [
      'requireReady that is no boolean',
      () => LoadBalancerModule.forRoot({ discovery, requireReady: wrong('yes') }),
      'LoadBalancerModule.forRoot(): requireReady must be a boolean, got "yes" (string)',
    ],
    [
      'an empty name',
      () => LoadBalancerModule.forRoot({ discovery, name: '' }),
      'LoadBalancerModule.forRoot(): name is ""; give a text, or nothing for the default load balancer',
    ],
    [
      'isGlobal that is no boolean',
      () => LoadBalancerModule.forRoot({ discovery, isGlobal: wrong('yes') }),
      'LoadBalancerModule.forRoot(): isGlobal is "yes"; give true or false',
    ],
    [
      'no options for forRootAsync',
      () => LoadBalancerModule.forRootAsync(wrong(undefined)),
      'LoadBalancerModule.forRootAsync(): options are missing, got undefined; give one of useFactory, useClass and useExisting',
    ],
    [
      'no factory',
      () => LoadBalancerModule.forRootAsync({ name: 'edge' }),
      'LoadBalancerModule.forRootAsync({ name: "edge" }): 0 ways to make the options are given; give one of useFactory, useClass and useExisting, a function or a class',
    ],
  ])('%s', async (_, make, message) => {
    const error = await failure(make)
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toContain(message)
    expect(error.message.split('\n')).toHaveLength(1)
  })
})

describe('a factory that fails', () => {
  class Nothing {}
  class Thrower {
    createLoadBalancerOptions(): LoadBalancerModuleOptions {
      throw new Error('no settings')
    }
  }

  it.each<[string, LoadBalancerRootAsyncOptions, string]>([
    [
      'throws',
      { useFactory: () => Promise.reject(new Error('no settings')) },
      'useFactory failed (no settings); let it return the options of the load balancer',
    ],
    [
      'throws what is no error',
      // A factory of an application may.
      { useFactory: () => Promise.reject('no settings') },
      'useFactory failed (no settings); let it return the options of the load balancer',
    ],
    [
      'is a class that throws',
      { useClass: Thrower },
      'createLoadBalancerOptions of useClass failed (no settings); let it return the options of the load balancer',
    ],
    [
      'is a class without the method',
      { useClass: wrong(Nothing) },
      'the class of useClass has no createLoadBalancerOptions; implement LoadBalancerOptionsFactory',
    ],
    [
      'returns nothing',
      { useFactory: () => wrong(undefined) },
      'the factory returned undefined; return an object with at least a discovery',
    ],
    [
      'returns a list',
      { useFactory: () => wrong([]) },
      'the factory returned an array; return an object with at least a discovery',
    ],
    [
      'returns what belongs beside it',
      { useFactory: () => wrong({ discovery, isGlobal: true }) },
      'the factory returned isGlobal; give isGlobal beside the factory',
    ],
    [
      'returns options without a discovery',
      { useFactory: async () => wrong({}) },
      'LoadBalancer.discovery is missing. Give a ServiceDiscovery, such as new StaticDiscovery({ ... })',
    ],
    [
      'returns a bad option',
      { useFactory: () => ({ discovery, balancer: wrong('round-robbin') }) },
      'LoadBalancer.balancer must be',
    ],
  ])('%s', async (_, options, message) => {
    const make = (): DynamicModule => LoadBalancerModule.forRootAsync(options)
    // Clients wait for the load balancer; they must not hide why there is none.
    const error = await failure(() => LoadBalancerModule.forFeature('user-service'), make)
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toContain(`LoadBalancerModule.forRootAsync(): ${message}`)
    expect(error.message.split('\n')).toHaveLength(1)
  })

  it('keeps what it threw as the cause', async () => {
    const cause = new Error('no settings')
    const error = await failure(() => LoadBalancerModule.forRootAsync({ useFactory: () => Promise.reject(cause) }))
    expect(error.cause).toBe(cause)
  })

  it('injects a request-scoped provider', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Tenant {}
    const error = await failure(() =>
      LoadBalancerModule.forRootAsync({
        imports: [{ module: class TenantModule {}, providers: [Tenant], exports: [Tenant] }],
        inject: [Tenant],
        useFactory: () => ({ discovery }),
      }),
    )
    expect(error.message).toBe(
      'LoadBalancerModule.forRootAsync(): the options depend on a request-scoped provider; inject singletons only, as one load balancer serves the whole application',
    )
  })
})

describe('names that occur twice', () => {
  it('are refused for load balancers', async () => {
    expect((await failure(root, root)).message).toBe(
      'LoadBalancerModule.forRoot(): the application has another load balancer without a name; give each a name of its own',
    )
    const edge = (): DynamicModule => LoadBalancerModule.forRoot({ discovery, name: 'edge' })
    const edgeAsync = (): DynamicModule =>
      LoadBalancerModule.forRootAsync({ name: 'edge', useFactory: () => ({ discovery }) })
    expect((await failure(root, edge, edgeAsync)).message).toMatch(
      /^LoadBalancerModule\.forRoot(Async)?\({ name: "edge" }\): the application has another load balancer called "edge"; give each a name of its own$/,
    )
  })

  it('are refused for services of one forFeature, and fine in two modules', async () => {
    expect((await failure(root, () => LoadBalancerModule.forFeature('user-service', 'user-service'))).message).toBe(
      'LoadBalancerModule.forFeature("user-service"): the service is given twice; give it once',
    )
    const feature = (): DynamicModule => LoadBalancerModule.forFeature('user-service')
    await application({ imports: [root(), feature(), feature()] })
  })

  it('do not arise from one module that is imported in many places', async () => {
    const shared = root()
    class FirstModule {}
    class SecondModule {}
    const imports = [
      { module: FirstModule, imports: [shared] },
      { module: SecondModule, imports: [shared] },
    ]
    await application({ imports })
  })
})

describe('forFeature', () => {
  const services = { 'user-service': {}, 'order-service': {} }

  it.each<[string, (() => DynamicModule)[], string]>([
    [
      'a service that is not configured',
      [() => LoadBalancerModule.forRoot({ discovery, services }), () => LoadBalancerModule.forFeature('user-servce')],
      'LoadBalancerModule.forFeature("user-servce"): LoadBalancerModule.forRoot() does not know the service (known: user-service, order-service); correct the name or add it to services',
    ],
    [
      'the same with a named load balancer',
      [
        () => LoadBalancerModule.forRoot({ discovery, services, name: 'edge' }),
        () => LoadBalancerModule.forFeature({ service: 'a', loadBalancer: 'edge' }),
      ],
      'LoadBalancerModule.forFeature({ service: "a", loadBalancer: "edge" }): LoadBalancerModule.forRoot({ name: "edge" }) does not know the service',
    ],
    [
      'no service',
      [root, () => LoadBalancerModule.forFeature()],
      'LoadBalancerModule.forFeature(): no service is given; give the names of those the module calls',
    ],
    [
      'a name that is none',
      [root, () => LoadBalancerModule.forFeature('http://user-service')],
      'LoadBalancerModule.forFeature("http://user-service"): that is not the name of a service; give 1 to 253 characters that may stand for a host',
    ],
    [
      'what is neither a name nor options',
      [root, () => LoadBalancerModule.forFeature(wrong(undefined))],
      'LoadBalancerModule.forFeature: client must be an object, got undefined (undefined)',
    ],
    [
      'an unknown option',
      [root, () => LoadBalancerModule.forFeature(wrong({ service: 'user-service', timeout: 1 }))],
      'LoadBalancerModule.forFeature: client.timeout is not a known option',
    ],
    [
      'a base URL of somebody else',
      [root, () => LoadBalancerModule.forFeature({ service: 'user-service', axios: { baseURL: 'http://other' } })],
      'LoadBalancerModule.forFeature("user-service"): baseURL is "http://other"; give a path such as "/v1", or use loadBalance of @lb/axios',
    ],
    [
      'a bad option of the adapter',
      [root, () => LoadBalancerModule.forFeature({ service: 'user-service', hostHeader: wrong('both') })],
      'LoadBalancerModule.forFeature("user-service"): loadBalance.hostHeader must be "instance" or "service", got "both" (string)',
    ],
  ])('refuses %s', async (_, imports, message) => {
    const error = await failure(...imports)
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(error.message).toContain(message)
    expect(error.message.split('\n')).toHaveLength(1)
  })

  it('without a load balancer lets Nest say which call is missing', async () => {
    const error = await failure(() => LoadBalancerModule.forFeature('user-service'))
    expect(error.message).toContain('LoadBalancerModule.forFeature("user-service")')
    expect(error.message).toContain('clients of LoadBalancerModule.forRoot()')
  })
})

describe('what is injected but not provided', () => {
  it.each([
    [getServiceClientToken('user-service'), 'LoadBalancerModule.forFeature("user-service")'],
    [getLoadBalancerToken('edge'), 'LoadBalancerModule.forRoot({ name: "edge" })'],
  ])('is named by the call that provides it: %s', async (token, call) => {
    const providers = [{ provide: 'CONSUMER', useFactory: (given: unknown) => given, inject: [token] }]
    await expect(application({ imports: [root()], providers })).rejects.toThrow(call)
  })
})
