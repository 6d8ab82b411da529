import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common'
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
import { LoadBalancerNames } from './load-balancer-names.ts'
import {
  checkModuleOptions,
  checkRootAsyncOptions,
  checkRootOptions,
  rejectCall,
  withNamedFailures,
} from './options.ts'
import {
  type CreateServiceClient,
  checkServiceClient,
  type ServiceClientOptions,
  serviceClientFactory,
} from './service-client.ts'
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

/** The load balancer of one `forRoot`; as visible as `isGlobal` says. */
@Module({ imports: [LoadBalancerNamesModule] })
class LoadBalancerHostModule extends ConfigurableLoadBalancerModule {}

/** Creates the clients of one load balancer. Visible everywhere, so that `forFeature` works in every module. */
@Global()
@Module({})
class ServiceClientFactoryModule {}

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

  // This signature is first: strings have a method `match`, beside which the compiler would not infer the types of its parameters.
  /**
   * Clients for the services that a module calls, injected with `@InjectServiceClient(service)`.
   *
   * @throws InvalidOptionError if there is no service, a service occurs twice, or its options are invalid
   */
  static forFeature(...services: readonly ServiceClientOptions[]): DynamicModule
  /** The same with names of services, whose clients have the defaults. */
  static forFeature(...services: readonly (string | ServiceClientOptions)[]): DynamicModule
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
        useFactory: (create: CreateServiceClient) => create(client),
        inject: [clientFactoryToken(client.loadBalancer ?? defaultName)],
      })
    }
    return { module: LoadBalancerModule, providers: [...providers.values()], exports: [...providers.keys()] }
  }
}

function rootModule(definition: DynamicModule, method: 'forRoot' | 'forRootAsync', name = defaultName): DynamicModule {
  const [lb, keeper, createClient] = [getLoadBalancerToken(name), hostToken(name), clientFactoryToken(name)]
  const isDefault = name === defaultName
  const own = [...hostProviders(rootCall(method, name), name), ...(isDefault ? healthProviders : [])]
  const host: DynamicModule = {
    ...definition,
    providers: [...(definition.providers ?? []), ...own],
    exports: [lb, keeper, ...(isDefault ? [LoadBalancerHealthIndicator, servicesToken] : [])],
  }
  const clients: DynamicModule = {
    module: ServiceClientFactoryModule,
    imports: [host],
    providers: [{ provide: createClient, useFactory: serviceClientFactory, inject: [lb, keeper] }],
    exports: [createClient],
  }
  return { module: LoadBalancerModule, imports: [host, clients], exports: [host] }
}

function hostProviders(call: string, name: string): Provider[] {
  return [
    {
      provide: `name of ${call}`,
      useFactory: (names: LoadBalancerNames) => names.expect(name, call),
      inject: [LoadBalancerNames],
    },
    {
      provide: hostToken(name),
      useFactory: (options: LoadBalancerModuleOptions, names: LoadBalancerNames, http: HttpAdapterHost) => {
        names.created(name)
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
