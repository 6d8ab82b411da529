import type { LoadBalancer } from '@lb/core'
import { type DynamicModule, Module, type Provider } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { LoadBalancerHealthIndicator } from './load-balancer.health-indicator.ts'
import {
  ConfigurableLoadBalancerModule,
  type LoadBalancerModuleOptions,
  type LoadBalancerRootAsyncOptions,
  type LoadBalancerRootOptions,
  optionsToken,
} from './load-balancer.module-definition.ts'
import { LoadBalancerHost } from './load-balancer-host.ts'
import { LoadBalancerNames, SingletonCheck } from './load-balancer-names.ts'
import {
  checkModuleOptions,
  checkRootAsyncOptions,
  checkRootOptions,
  rejectCall,
  withNamedFailures,
} from './options.ts'
import { checkServiceClient, ServiceClientFactory, type ServiceClientOptions } from './service-client.ts'
import {
  clientFactoryToken,
  defaultName,
  getLoadBalancerToken,
  getServiceClientToken,
  hostToken,
  rootCall,
  servicesToken,
} from './tokens.ts'

/** Knows every load balancer of the application: a module without options exists once. */
@Module({ providers: [LoadBalancerNames], exports: [LoadBalancerNames] })
class LoadBalancerNamesModule {}

/** The load balancer of one `forRoot` with all its dependencies; as visible as `isGlobal` says. */
@Module({})
class LoadBalancerHostModule extends ConfigurableLoadBalancerModule {}

/** Creates the clients of one load balancer. It is visible everywhere, so that `forFeature` works in every module. */
@Module({})
class ServiceClientFactoryModule {}

/** The clients of one `forFeature`. */
@Module({})
class ServiceClientsModule {}

/**
 * Load balancing for the services that an application calls.
 *
 *     @Module({
 *       imports: [
 *         LoadBalancerModule.forRoot({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) }),
 *         LoadBalancerModule.forFeature('user-service'),
 *       ],
 *     })
 *     class AppModule {}
 */
@Module({})
export class LoadBalancerModule {
  /**
   * A load balancer for the application; with `name`, one of several.
   *
   * @throws InvalidOptionError if options are missing; errors in them are thrown at bootstrap
   */
  static forRoot(options: LoadBalancerRootOptions): DynamicModule {
    checkRootOptions(options)
    return rootModule(LoadBalancerHostModule.forRoot(options), 'forRoot', options.name)
  }

  /**
   * The same with options from a factory: one of `useFactory`, `useClass` and `useExisting`. `name` and `isGlobal` are
   * set beside it.
   *
   * @throws InvalidOptionError if there is not exactly one factory
   */
  static forRootAsync(options: LoadBalancerRootAsyncOptions): DynamicModule {
    checkRootAsyncOptions(options)
    const definition = withNamedFailures(LoadBalancerHostModule.forRootAsync(options), options)
    return rootModule(definition, 'forRootAsync', options.name)
  }

  /**
   * Clients for the services that a module calls, injected with `@InjectServiceClient(service)`.
   *
   * @throws InvalidOptionError if there is no service, a service occurs twice, or its options are invalid
   */
  static forFeature(...services: readonly (string | ServiceClientOptions)[]): DynamicModule {
    if (services.length === 0) {
      rejectCall('LoadBalancerModule.forFeature()', 'no service is given', 'give the names of those the module calls')
    }
    const providers = new Map<string, Provider>()
    for (const client of services.map(checkServiceClient)) {
      const token = getServiceClientToken(client.service, client.loadBalancer)
      if (providers.has(token)) rejectCall(token, 'the service is given twice', 'give it once')
      providers.set(token, {
        provide: token,
        useFactory: (factory: ServiceClientFactory) => factory.create(client),
        inject: [clientFactoryToken(client.loadBalancer ?? defaultName)],
      })
    }
    return { module: ServiceClientsModule, providers: [...providers.values()], exports: [...providers.keys()] }
  }
}

function rootModule(definition: DynamicModule, method: 'forRoot' | 'forRootAsync', name = defaultName): DynamicModule {
  const token = getLoadBalancerToken(name)
  const isDefault = name === defaultName
  const host: DynamicModule = {
    ...definition,
    imports: [LoadBalancerNamesModule, ...(definition.imports ?? [])],
    providers: [
      ...(definition.providers ?? []),
      ...hostProviders(rootCall(method, name), name),
      ...(isDefault ? healthProviders : []),
    ],
    exports: [token, hostToken(name), ...(isDefault ? [LoadBalancerHealthIndicator, servicesToken] : [])],
  }
  const factoryToken = clientFactoryToken(name)
  const clients: DynamicModule = {
    module: ServiceClientFactoryModule,
    global: true,
    imports: [host],
    providers: [
      {
        provide: factoryToken,
        useFactory: (lb: LoadBalancer, keeper: LoadBalancerHost) => new ServiceClientFactory(lb, keeper),
        inject: [token, hostToken(name)],
      },
    ],
    exports: [factoryToken],
  }
  return { module: LoadBalancerModule, imports: [host, clients], exports: [host] }
}

function hostProviders(call: string, name: string): Provider[] {
  return [
    {
      provide: `SingletonCheck(${name})`,
      useFactory: (names: LoadBalancerNames) => new SingletonCheck(names, name, call),
      inject: [LoadBalancerNames],
    },
    {
      provide: hostToken(name),
      useFactory: (options: LoadBalancerModuleOptions, names: LoadBalancerNames, http: HttpAdapterHost) => {
        names.claim(name, call)
        checkModuleOptions(call, options)
        return new LoadBalancerHost(call, options, http)
      },
      inject: [optionsToken, LoadBalancerNames, HttpAdapterHost],
    },
    {
      provide: getLoadBalancerToken(name),
      useFactory: (host: LoadBalancerHost) => host.createLoadBalancer(),
      inject: [hostToken(name)],
    },
  ]
}

const healthProviders: Provider[] = [
  {
    provide: servicesToken,
    useFactory: ({ services }: LoadBalancerHost) => services,
    inject: [hostToken(defaultName)],
  },
  LoadBalancerHealthIndicator,
]
