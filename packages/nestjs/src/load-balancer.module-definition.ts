import type { LoadBalancerOptions } from '@lb/core'
import {
  type ConfigurableModuleAsyncOptions,
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  type ConfigurableModuleOptionsFactory,
} from '@nestjs/common'
import type { RegisterOptions } from './application-registration.ts'
import { defaultName } from './tokens.ts'

/** The options of a load balancer, and how it starts and stops with the application. */
export interface LoadBalancerModuleOptions extends LoadBalancerOptions {
  /**
   * What happens if the first list of a service has not arrived after its `firstListTimeoutMs`. `false`: the
   * application starts with a warning, and the list is used when it arrives. `true`: the application does not start.
   * @default false
   */
  readonly requireReady?: boolean | undefined
  /**
   * How long a shutdown waits for requests in flight before the application stops listening, in milliseconds. Requests
   * that are still in flight after that continue until they end by themselves.
   * @default 5_000
   */
  readonly drainTimeoutMs?: number | undefined
  /**
   * Registers the application itself, as an instance of a service that others call: after it listens; and takes it out first
   * at a shutdown. An application without an HTTP server is not registered.
   * @default undefined: the application is not registered
   */
  readonly register?: RegisterOptions | undefined
}

/** Options that are set beside a factory, because they must be known before it runs. */
export interface LoadBalancerModuleExtras {
  /** Distinguishes several load balancers of one application. @default 'default' */
  readonly name?: string | undefined
  /** Whether the load balancer can be injected into modules that do not import this one. @default false */
  readonly isGlobal?: boolean | undefined
}

/** For `useClass` and `useExisting`: a provider with `createLoadBalancerOptions()`. */
export type LoadBalancerOptionsFactory = ConfigurableModuleOptionsFactory<
  LoadBalancerModuleOptions,
  'createLoadBalancerOptions'
>

/** The options of `forRoot`. */
export type LoadBalancerRootOptions = LoadBalancerModuleOptions & LoadBalancerModuleExtras

/** The options of `forRootAsync`: one of `useFactory`, `useClass` and `useExisting`, with `imports` and `inject`. */
export type LoadBalancerRootAsyncOptions = ConfigurableModuleAsyncOptions<
  LoadBalancerModuleOptions,
  'createLoadBalancerOptions'
> &
  LoadBalancerModuleExtras

/** Token of the options, visible within the module of its load balancer only. */
export const optionsToken = 'options of LoadBalancerModule'

type ConfigurableModule = ConfigurableModuleCls<
  LoadBalancerModuleOptions,
  'forRoot',
  'createLoadBalancerOptions',
  LoadBalancerModuleExtras
>

export const ConfigurableLoadBalancerModule: ConfigurableModule =
  new ConfigurableModuleBuilder<LoadBalancerModuleOptions>({ optionsInjectionToken: optionsToken })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createLoadBalancerOptions')
    .setExtras<LoadBalancerModuleExtras>(
      { name: defaultName, isGlobal: false },
      (definition, { isGlobal = false }) => ({
        ...definition,
        global: isGlobal,
      }),
    )
    .build().ConfigurableModuleClass
