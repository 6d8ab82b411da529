import { LoadBalancer, type LoadBalancerEvent, type LoadBalancerOptions, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { Agent, type Dispatcher } from 'undici'
import { expect, vi } from 'vitest'
import { type LoadBalanceOptions, loadBalanceInterceptor } from '../src/index.ts'

/** Backends of one service, a load balancer, and a dispatcher with the interceptor. */
export class Fixture implements AsyncDisposable {
  readonly backends: LoopbackBackend[]
  readonly lb: LoadBalancer
  readonly agent: Agent
  readonly dispatcher: Dispatcher
  readonly finished: Extract<LoadBalancerEvent, { type: 'request-finished' }>[] = []

  private constructor(
    backends: LoopbackBackend[],
    lbOptions: Partial<LoadBalancerOptions>,
    options: LoadBalanceOptions,
    agentOptions: Agent.Options,
  ) {
    this.backends = backends
    this.lb = new LoadBalancer({
      discovery: new StaticDiscovery({ 'user-service': backends.map(({ address }) => address) }),
      retry: { backoffBaseMs: 1 },
      ...lbOptions,
    })
    this.lb.subscribe((event) => {
      if (event.type === 'request-finished') this.finished.push(event)
    })
    this.agent = new Agent(agentOptions)
    this.dispatcher = this.agent.compose(loadBalanceInterceptor(this.lb, options))
  }

  static async start({
    backends = 2,
    lb = {},
    options = {},
    agent = {},
  }: {
    backends?: number
    lb?: Partial<LoadBalancerOptions>
    options?: LoadBalanceOptions
    agent?: Agent.Options
  } = {}): Promise<Fixture> {
    const started = Array.from({ length: backends }, (_, index) => LoopbackBackend.start({ id: String(index) }))
    return new Fixture(await Promise.all(started), lb, options, agent)
  }

  request(options: Partial<Dispatcher.RequestOptions> = {}): Promise<Dispatcher.ResponseData> {
    return this.dispatcher.request({ origin: 'http://user-service', path: '/', method: 'GET', ...options })
  }

  /** The first one. */
  get backend(): LoopbackBackend {
    return this.backends[0] as LoopbackBackend
  }

  get requests(): LoopbackBackend['requests'] {
    return this.backends.flatMap(({ requests }) => requests)
  }

  /** Every attempt was reported done, and so many there were. */
  async allDone(attempts: number): Promise<void> {
    await vi.waitFor(() => expect(this.finished).toHaveLength(attempts))
    expect(this.lb.inspect('user-service').inFlight).toBe(0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lb.close()
    await this.agent.destroy()
    await Promise.all(this.backends.map((backend) => backend.stop()))
  }
}
