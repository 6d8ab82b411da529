import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import {
  type Clock,
  InvalidInstanceError,
  type Random,
  type Registration,
  type ServiceInstance,
  type ServiceInstanceInit,
  type ServiceRegistrar,
} from '@lb/core'
import {
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkKeys,
  exponentialBackoffMs,
  jittered,
  messageOf,
  pause,
  rejectOption,
  timeLimited,
} from '@lb/core/authoring'
import type { LoggerService } from '@nestjs/common'

/** How the application itself is registered, as an instance of a service that others call. */
export interface RegisterOptions {
  /** The registrar of a registry, such as `new ConsulRegistrar()`. The application closes it with itself. */
  readonly registrar: ServiceRegistrar
  /** The name of the service. */
  readonly service: string
  /** The port under which others reach the application, 1 to 65 535. @default the port on which it listens */
  readonly port?: number | undefined
  /**
   * The host under which others reach the application.
   * @default the address on which it listens; if that is every address, the first of the machine that is not loopback
   */
  readonly host?: string | undefined
  /** Further fields of the instance, such as weight, zone and metadata. @default {} */
  readonly instance?: Partial<Omit<ServiceInstance, 'host' | 'port'>> | undefined
  /**
   * How long a shutdown goes on serving between the deregistration and the end of listening, in milliseconds: one refresh of the
   * clients, which send requests until they know.
   * @default 5_000, as of `gracefulShutdown` in `@lb/express`
   */
  readonly noticeMs?: number | undefined
}

const retryMs = { min: 1_000, max: 30_000 }
/** A registry that is down does not hold up the shutdown. */
const deregisterLimitMs = 5_000

/** @throws InvalidOptionError */
export function checkRegister(options: RegisterOptions | undefined): void {
  if (options === undefined) return
  checkKeys('register', options, ['registrar', 'service', 'port', 'host', 'instance', 'noticeMs'])
  const { registrar, service, host, instance } = options
  if (typeof registrar !== 'object' || registrar === null) {
    rejectOption('register.registrar', 'a registrar, such as new ConsulRegistrar()', registrar)
  }
  for (const method of ['register', 'close']) {
    checkFunction(`register.registrar.${method}`, Reflect.get(registrar, method) ?? null)
  }
  if (typeof service !== 'string' || service === '') rejectOption('register.service', 'the name of a service', service)
  if (host !== undefined && (typeof host !== 'string' || host === '')) {
    rejectOption('register.host', 'a host, or absent', host)
  }
  if (instance !== undefined && (typeof instance !== 'object' || instance === null)) {
    rejectOption('register.instance', 'an object of fields, or absent', instance)
  }
  checkInteger('register.port', options.port, 1, 65_535)
  checkDurationMs('register.noticeMs', options.noticeMs)
}

/** Registers the application after it listens, and deregisters it before it stops. */
export class ApplicationRegistration {
  readonly #options: RegisterOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: LoggerService
  readonly #stopping = new AbortController()
  #server: Server | undefined
  #registering: Promise<Registration | undefined> = Promise.resolve(undefined)

  constructor(
    options: RegisterOptions,
    { clock, random, logger }: { clock: Clock; random: Random; logger: LoggerService },
  ) {
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#logger = logger
  }

  /** Registers the application, which listens on `server`; tries again until the registry takes it. */
  start(server: Server): void {
    this.#server = server
    this.#registering = this.#register(instanceOf(this.#options, server))
  }

  /** Deregisters the application, and goes on serving for `noticeMs`. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const { noticeMs = 5_000 } = this.#options
    const limit = { clock: this.#clock, limitMs: deregisterLimitMs }
    try {
      const registration = await timeLimited(limit, () => this.#registering)
      if (registration === undefined) return
      await timeLimited(limit, () => registration.deregister())
    } catch (cause) {
      this.#logger.warn(`${this.#options.service}: not deregistered: ${messageOf(cause)}`)
    }
    // Not in the background: the process is to live until then.
    await new Promise<void>((resolve) => void this.#clock.setTimeout(resolve, noticeMs))
    this.#endConnections()
  }

  /** Closes the registrar. Never rejects. */
  async close(): Promise<void> {
    try {
      await timeLimited({ clock: this.#clock, limitMs: deregisterLimitMs }, () => this.#options.registrar.close())
    } catch (cause) {
      this.#logger.error(`the registrar could not be closed: ${messageOf(cause)}`)
    }
  }

  async #register(instance: ServiceInstanceInit): Promise<Registration | undefined> {
    const { registrar, service } = this.#options
    const { signal } = this.#stopping
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await registrar.register(service, instance)
      } catch (cause) {
        if (cause instanceof InvalidInstanceError) {
          this.#logger.error(`${service}: not registered: ${cause.message}`)
          return undefined
        }
        const waitMs = Math.ceil(jittered(exponentialBackoffMs(failures, retryMs.min, retryMs.max), 0.2, this.#random))
        this.#logger.warn(`${service}: not registered, next try in ${waitMs} ms: ${messageOf(cause)}`)
        await pause(this.#clock, waitMs, signal).catch(() => {})
      }
    }
    return undefined
  }

  /** A connection in use would otherwise outlive the end of listening, with ever new requests on it. */
  #endConnections(): void {
    this.#server?.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
    })
  }
}

function instanceOf({ instance, host, port }: RegisterOptions, server: Server): ServiceInstanceInit {
  const bound = server.address()
  const at = typeof bound === 'object' && bound !== null ? bound : { address: '::', port: 0 }
  return { ...instance, host: host ?? reachable(at.address), port: port ?? at.port }
}

/** `address`, unless it is that of every interface. */
function reachable(address: string): string {
  if (address !== '::' && address !== '0.0.0.0') return address
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const outside = own.filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
  const first = outside.find(({ family }) => family === 'IPv4') ?? outside[0]
  return first?.address ?? '127.0.0.1'
}
