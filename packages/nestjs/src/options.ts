import { InvalidOptionError, LoadBalancerError } from '@lb/core'
import { messageOf } from '@lb/core/authoring'
import type { DynamicModule, Provider } from '@nestjs/common'
import {
  type LoadBalancerModuleOptions,
  type LoadBalancerRootAsyncOptions,
  type LoadBalancerRootOptions,
  optionsToken,
} from './load-balancer.module-definition.ts'
import { rootCall } from './tokens.ts'

/** Rejects a wrong call of the module. Every message has one form: the call, what is wrong, what to do. */
export function rejectCall(call: string, wrong: string, remedy: string, cause?: unknown): never {
  throw new InvalidOptionError(call, `${call}: ${wrong}; ${remedy}`, { cause })
}

/** @throws InvalidOptionError */
export function checkRootOptions(options: LoadBalancerRootOptions): void {
  const call = rootCall('forRoot')
  if (typeof options !== 'object' || options === null) {
    rejectCall(call, `options are missing, got ${String(options)}`, 'give at least a discovery: forRoot({ discovery })')
  }
  checkExtras(call, options)
}

/** @throws InvalidOptionError */
export function checkRootAsyncOptions(options: LoadBalancerRootAsyncOptions): void {
  const call = rootCall('forRootAsync')
  if (typeof options !== 'object' || options === null) {
    rejectCall(call, `options are missing, got ${String(options)}`, 'give one of useFactory, useClass and useExisting')
  }
  checkExtras(call, options)
  const given = [options.useFactory, options.useClass, options.useExisting].filter((way) => way !== undefined)
  if (given.length !== 1 || typeof given[0] !== 'function') {
    rejectCall(
      rootCall('forRootAsync', options.name),
      `${given.length} ways to make the options are given`,
      'give one of useFactory, useClass and useExisting, a function or a class',
    )
  }
}

function checkExtras(call: string, { name, isGlobal }: LoadBalancerRootOptions | LoadBalancerRootAsyncOptions): void {
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    rejectCall(call, `name is ${JSON.stringify(name)}`, 'give a text, or nothing for the default load balancer')
  }
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') {
    rejectCall(call, `isGlobal is ${JSON.stringify(isGlobal)}`, 'give true or false')
  }
}

/** `definition` with an options factory whose failures name the call. */
export function withNamedFailures(definition: DynamicModule, options: LoadBalancerRootAsyncOptions): DynamicModule {
  const providers = definition.providers ?? []
  return { ...definition, providers: providers.map((provider) => withNamedFailure(provider, options)) }
}

function withNamedFailure(provider: Provider, options: LoadBalancerRootAsyncOptions): Provider {
  if (!('useFactory' in provider) || provider.provide !== optionsToken) return provider
  const call = rootCall('forRootAsync', options.name)
  const factoryClass = options.useClass ?? options.useExisting
  const factory = options.useClass === undefined ? 'useExisting' : 'useClass'
  return {
    ...provider,
    useFactory: async (...args: unknown[]) => {
      if (factoryClass !== undefined) checkFactory(call, factory, args[0])
      try {
        return await provider.useFactory(...args)
      } catch (error) {
        const way = factoryClass === undefined ? 'useFactory' : `createLoadBalancerOptions of ${factory}`
        rejectCall(call, `${way} failed (${messageOf(error)})`, 'let it return the options of the load balancer', error)
      }
    },
  }
}

function checkFactory(call: string, name: string, factory: unknown): void {
  const method = (factory as { createLoadBalancerOptions?: unknown } | undefined)?.createLoadBalancerOptions
  if (typeof method === 'function') return
  rejectCall(call, `the class of ${name} has no createLoadBalancerOptions`, 'implement LoadBalancerOptionsFactory')
}

/**
 * Checks the options that a factory returned.
 *
 * @throws InvalidOptionError if there are no options, or if they include an option that belongs beside the factory
 */
export function checkModuleOptions(call: string, options: LoadBalancerModuleOptions): void {
  const remedy = 'return an object with at least a discovery'
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const shown = Array.isArray(options) ? 'an array' : String(options)
    rejectCall(call, `the factory returned ${shown}`, remedy)
  }
  for (const key of ['name', 'isGlobal']) {
    if (key in options) rejectCall(call, `the factory returned ${key}`, `give ${key} beside the factory`)
  }
}

/** Runs `action`, and adds the call of the module to errors about options. */
export function namingCall<T>(call: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof LoadBalancerError)) throw error
    const option = error instanceof InvalidOptionError ? error.option : call
    throw new InvalidOptionError(option, `${call}: ${error.message}`, { cause: error })
  }
}
