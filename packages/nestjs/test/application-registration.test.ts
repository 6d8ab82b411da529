import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  InvalidOptionError,
  LoadBalancer,
  parseInstance,
  type Registration,
  type ServiceInstanceInit,
  type ServiceRegistrar,
  StaticDiscovery,
} from '@lb/core'
import { FakeClock, unsharedPort } from '@lb/testing'
import { Controller, Get, type INestApplication } from '@nestjs/common'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { Test } from '@nestjs/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LoadBalancerModule, type RegisterOptions } from '../src/index.ts'
import { LogLines } from './application.ts'

/** Notes what it is asked for, together with whether the application listened then. */
class FakeRegistrar implements ServiceRegistrar {
  readonly steps: string[] = []
  readonly instances: ServiceInstanceInit[] = []
  listens: () => boolean = () => false
  failures: Error[] = []
  deregisters: () => Promise<void> = async () => {}

  async register(service: string, init: ServiceInstanceInit): Promise<Registration> {
    this.#note('register')
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    this.instances.push(init)
    return {
      service,
      instance: parseInstance(init),
      deregister: () => {
        this.#note('deregister')
        return this.deregisters()
      },
    }
  }

  async close(): Promise<void> {
    this.#note('close')
  }

  #note(step: string): void {
    this.steps.push(`${step}, ${this.listens() ? 'listening' : 'not listening'}`)
  }
}

@Controller()
class HelloController {
  @Get()
  hello(): string {
    return 'hello'
  }
}

let clock: FakeClock
let registrar: FakeRegistrar
let app: INestApplication
let log: LogLines
let agent: Agent

beforeEach(() => {
  clock = new FakeClock()
  registrar = new FakeRegistrar()
  log = new LogLines()
  agent = new Agent({ keepAlive: true })
})
afterEach(() => agent.destroy())

async function create(
  options: Partial<RegisterOptions> = {},
  adapter: 'express' | 'fastify' = 'express',
): Promise<void> {
  const register = { registrar, service: 'web', host: '10.0.0.1', ...options }
  const discovery = new StaticDiscovery({ users: ['127.0.0.1:1'] })
  const module = await Test.createTestingModule({
    imports: [LoadBalancerModule.forRoot({ discovery, clock, random: () => 0, register })],
    controllers: [HelloController],
  }).compile()
  app = module.createNestApplication(adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(), {
    logger: log,
  })
  registrar.listens = () => app.getHttpServer().listening
}

const port = (): number => (app.getHttpServer().address() as AddressInfo).port

/** The header `Connection` of an answer over a connection that is kept. */
const connection = (at: number): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    request({ port: at, host: '127.0.0.1', agent }, (response) => {
      response.resume().on('end', () => resolve(response.headers.connection))
    })
      .on('error', reject)
      .end()
  })

describe.each(['express', 'fastify'] as const)('an application that registers itself, with %s', (adapter) => {
  it('does so after it listens, with its port', async () => {
    await create({ instance: { weight: 5, metadata: { version: 'v2' } } }, adapter)
    await app.init()
    expect(registrar.steps).toEqual([])
    await app.listen(0, '127.0.0.1')
    expect(registrar.steps).toEqual(['register, listening'])
    expect(registrar.instances).toEqual([{ host: '10.0.0.1', port: port(), weight: 5, metadata: { version: 'v2' } }])
    const closing = app.close()
    await clock.advance(10_000)
    await closing
  })

  it('goes out first, serves for one refresh of its clients, and then stops', async () => {
    await create({}, adapter)
    const at = await unsharedPort()
    await app.listen(at, '127.0.0.1')
    const closing = app.close()
    await clock.advance(4_999)
    expect(registrar.steps).toEqual(['register, listening', 'deregister, listening'])
    expect(await connection(at)).toBe('keep-alive')
    await clock.advance(1)
    await closing
    expect(registrar.steps.at(-1)).toBe('close, not listening')
    await expect(connection(at)).rejects.toThrow('ECONNREFUSED')
    expect([log.lines, clock.pendingTimers]).toEqual([[], 0])
  })
})

describe('an application that registers itself', () => {
  it('ends the connections that are in use while it drains', async () => {
    await create({ noticeMs: 1 })
    await app.listen(0, '127.0.0.1')
    const at = port()
    expect(await connection(at)).toBe('keep-alive')
    const inFlight = await app.get(LoadBalancer).acquire('users')
    const closing = app.close()
    await clock.advance(1)
    expect(await connection(at)).toBe('close')
    inFlight.done({ ok: true, latencyMs: 1 })
    await closing
  })

  it('has the address of the machine when it listens on every one', async () => {
    await create({ host: undefined, port: 8080 } as unknown as RegisterOptions)
    await app.listen(0)
    const { host, port: registered } = parseInstance(registrar.instances[0] as ServiceInstanceInit)
    expect(registered).toBe(8080)
    expect(host).not.toMatch(/^(?:::|0\.0\.0\.0)$/)
    const server = createServer().listen(0, host)
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
    server.close()
    const closing = app.close()
    await clock.advance(10_000)
    await closing
  })

  it('tries again while the registry is down, and starts all the same', async () => {
    registrar.failures = [new Error('down'), new Error('still down')]
    await create()
    await app.listen(0, '127.0.0.1')
    await clock.advance(1_000)
    expect(registrar.steps).toHaveLength(2)
    await clock.advance(2_000)
    expect(registrar.instances).toHaveLength(1)
    expect(log.lines).toEqual([
      'warn web: not registered, next try in 1000 ms: down',
      'warn web: not registered, next try in 2000 ms: still down',
    ])
    const closing = app.close()
    await clock.advance(10_000)
    await closing
  })

  it('waits for nothing when it was never registered', async () => {
    registrar.failures = [new Error('down')]
    await create()
    await app.listen(0, '127.0.0.1')
    await app.close()
    expect(registrar.steps).toEqual(['register, listening', 'close, not listening'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('says so when it cannot be registered as what it is, and does not try again', async () => {
    await create({ instance: { weight: -1 } })
    registrar.register = async (_service, init) => {
      parseInstance(init)
      throw new Error('not reached')
    }
    await app.listen(0, '127.0.0.1')
    await clock.advance(0)
    expect(log.lines).toEqual([expect.stringContaining('error web: not registered: weight of an instance must be')])
    await app.close()
  })

  it.each<[string, () => Promise<void>, string]>([
    ['fails', () => Promise.reject(new Error('gone')), 'warn web: not deregistered: gone'],
    ['hangs', () => new Promise(() => {}), 'warn web: not deregistered: no answer within 5000 ms'],
  ])('stops all the same when the deregistration %s', async (_, deregisters, line) => {
    await create()
    registrar.deregisters = deregisters
    await app.listen(0, '127.0.0.1')
    const closing = app.close()
    await clock.advance(15_000)
    await closing
    expect(log.lines).toEqual([line])
  })

  it('is not registered without a server', async () => {
    const register = { registrar, service: 'web' }
    const module = await Test.createTestingModule({
      imports: [LoadBalancerModule.forRoot({ discovery: new StaticDiscovery(), register })],
    }).compile()
    await module.init()
    await module.close()
    expect(registrar.steps).toEqual(['close, not listening'])
  })

  it.each<[string, object]>([
    ['registrar', { registrar: null }],
    ['registrar.register', { registrar: {} }],
    ['service', { service: '' }],
    ['port', { port: 0 }],
    ['host', { host: 7 }],
    ['instance', { instance: null }],
    ['noticeMs', { noticeMs: -1 }],
    ['prot', { prot: 1 }],
  ])('refuses a %s that makes no sense', async (name, options) => {
    const failure: unknown = await create(options).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(InvalidOptionError)
    expect(String(failure)).toContain(`LoadBalancerModule.forRoot(): register.${name} `)
  })
})
