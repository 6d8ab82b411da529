import type { ChannelOptions, experimental } from '@grpc/grpc-js'
import type { LoadBalancer } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { Call } from './call.ts'
import type { MethodConfig } from './grpc-module.ts'
import type { RegistrationSettings } from './options.ts'
import { unavailable } from './outcome.ts'
import { policyAttributes, policyName } from './policy-type.ts'
import { SecondTries } from './second-try.ts'
import { callPolicies, MethodConfigs } from './service-config.ts'
import { serviceOfTarget } from './target.ts'

/** What is registered under one scheme. */
export interface Registration {
  readonly lb: LoadBalancer
  readonly settings: RegistrationSettings
  /** Whether new channels are refused: it was taken back, or its load balancer was closed. */
  isEnded: boolean
  readonly end: () => void
}

/** Found on every resolver of lb, of whatever copy of this package. */
const registrationKey = Symbol.for('@lb/grpc.registration')

type ResolverClass = Parameters<typeof experimental.registerResolver>[1]

/** The registration under `scheme`; `foreign`: its resolver is not lb's. */
export function registrationOf({ scheme, grpc }: RegistrationSettings): Registration | 'foreign' | undefined {
  let resolver: object
  try {
    resolver = grpc.experimental.createResolver({ scheme, path: 'lb' }, () => true, {})
  } catch {
    return undefined
  }
  const registration: Registration | undefined = Reflect.get(resolver, registrationKey)
  return registration ?? 'foreign'
}

/**
 * The resolver of a scheme. It resolves nothing: it says once that lb chooses, and how calls are configured.
 */
export function resolverOf(registration: Registration): ResolverClass {
  return class LbResolver implements experimental.Resolver {
    static getDefaultAuthority(target: experimental.GrpcUri): string {
      return serviceOfTarget(target, registration.lb)
    }

    readonly [registrationKey] = registration
    readonly #service: string
    readonly #listener: experimental.ResolverListener
    readonly #configured: Configured
    #isResolved = false

    constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener, options: ChannelOptions) {
      this.#service = serviceOfTarget(target, registration.lb)
      this.#listener = listener
      this.#configured = configured(registration, this.#service, options)
    }

    updateResolution(): void {
      if (this.#isResolved) return
      this.#isResolved = true
      process.nextTick(() => {
        if (this.#isResolved) this.#resolve()
      })
    }

    destroy(): void {
      this.#isResolved = false
    }

    #resolve(): void {
      const { lb, settings, isEnded } = registration
      const { scheme, grpc } = settings
      if (isEnded) {
        const details = `${this.#service}: no load balancer is registered for ${scheme}: any more`
        const error = { code: unavailable, details, metadata: new grpc.Metadata() }
        this.#listener({ ok: false, error }, {}, null, '')
        return
      }
      const { selector, retryThrottling } = this.#configured
      const value = {
        loadBalancingConfig: [{ [policyName]: {} }],
        methodConfig: [],
        ...(retryThrottling === undefined ? undefined : { retryThrottling }),
      }
      const channel = { lb, service: this.#service, settings }
      this.#listener({ ok: true, value: [] }, policyAttributes(channel, selector), { ok: true, value }, '')
    }
  }
}

interface Configured {
  readonly selector: experimental.ConfigSelector
  readonly retryThrottling: { readonly maxTokens: number; readonly tokenRatio: number } | undefined
}

const plain: MethodConfig = { name: [] }

/** How the calls of a channel are configured: by its owner, or, where that says nothing of repetitions, by lb. */
function configured({ lb, settings }: Registration, service: string, options: ChannelOptions): Configured {
  const { methodConfig, retryThrottling } = callPolicies(options['grpc.service_config'])
  const configs = new MethodConfigs(methodConfig)
  const secondTries = secondTriesOf(settings)
  const statusOk = settings.grpc.status.OK
  const selector: experimental.ConfigSelector = {
    invoke(method, metadata) {
      const own = configs.of(method)
      const isHedged = own?.hedgingPolicy !== undefined
      const idempotent = secondTries(method)
      const tries = isHedged || own?.retryPolicy !== undefined ? undefined : idempotent
      const call = new Call(method, metadata, tries, isHedged)
      call.start(lb, service, idempotent !== undefined)
      const config = tries === undefined ? own : tries.configOf(own)
      return {
        methodConfig: config ?? plain,
        // grpc-js hands it through to the picks.
        pickInformation: call as unknown as Record<string, string>,
        status: statusOk,
        dynamicFilterFactories: [call],
      }
    },
    unref() {},
  }
  return { selector, retryThrottling }
}

/** Finds the second tries of a method. */
function secondTriesOf(settings: RegistrationSettings): (method: string) => SecondTries | undefined {
  const { idempotent, maxRetries, secondTryAfterMs } = settings
  const now = (): number => systemClock.now()
  const byName = new Map(idempotent.map((name) => [name, new SecondTries({ maxRetries, secondTryAfterMs, now })]))
  if (byName.size === 0) return () => undefined
  return (method) => byName.get(method) ?? byName.get(`${method.slice(0, method.lastIndexOf('/'))}/*`)
}
