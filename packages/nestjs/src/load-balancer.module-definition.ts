import type { LoadBalancerOptions } from '@lb/core'
import {
  type ConfigurableModuleAsyncOptions,
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  type ConfigurableModuleOptionsFactory,
} from '@nestjs/common'
import { defaultName } from './tokens.ts'

/** The options of a load balancer, and how it starts and stops with the application. */
export interface LoadBalancerModuleOptions extends LoadBalancerOptions {
  /**
   * What happens when the first list of a service is not known after its `firstListTimeoutMs`. `false`, the default: the
   * application starts, with a warning, and the list is used when it comes. `true`: the application does not start.
   */
  readonly requireReady?: boolean | undefined
  /**
   * How long a shutdown waits for requests in flight before the application stops listening, in milliseconds. Those
   * that are still in flight then go on until they end by themselves. Default 5 000.
   */
  readonly drainTimeoutMs?: number | undefined
}

/** What is known before any factory ran. */
export interface LoadBalancerModuleExtras {
  /** Tells several load balancers of one application apart. Default `default`. */
  readonly name?: string | undefined
  /** Whether the load balancer can be injected in modules that do not import this one. Default `false`. */
  readonly isGlobal?: boolean | undefined
}

/** For `useClass` and `useExisting`: a provider with `createLoadBalancerOptions()`. */
export type LoadBalancerOptionsFactory = ConfigurableModuleOptionsFactory<
  LoadBalancerModuleOptions,
  'createLoadBalancerOptions'
>

/** What `forRoot` takes. */
export type LoadBalancerRootOptions = LoadBalancerModuleOptions & LoadBalancerModuleExtras

/** What `forRootAsync` takes: one of `useFactory`, `useClass` and `useExisting`, with `imports` and `inject`. */
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
