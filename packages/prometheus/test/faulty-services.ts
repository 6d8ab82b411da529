import { type Balancer, LoadBalancer, type ServiceDiscovery, type ServiceInstance, StaticDiscovery } from '@lb/core'
import { FakeDiscovery } from '@lb/testing'

const four = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80', '10.0.0.4:80']

/** Every pick is the same. */
function firstOfAll(): Balancer {
  let instances: readonly ServiceInstance[] = []
  return {
    update: (list) => {
      instances = list
    },
    pick: () => instances[0],
  }
}

const later = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))

/** Services of which each has another fault, and calls to them, for `stop` to end. */
export class FaultyServices implements AsyncDisposable {
  readonly lb: LoadBalancer
  readonly #registry = new FakeDiscovery(['10.0.0.1:80', { host: '10.0.0.2', port: -1 }])
  #timer: NodeJS.Timeout

  constructor() {
    const discovery: ServiceDiscovery = new StaticDiscovery({
      healthy: four,
      slow: four,
      empty: [],
      sick: four.map((address, index) => ({ ...hostAndPort(address), healthy: index === 0 })),
      failing: four,
      dead: four,
      skewed: four,
      full: four.slice(0, 1),
    })
    this.lb = new LoadBalancer({
      discovery,
      retry: { backoffBaseMs: 1 },
      services: {
        slow: { hedge: { delayMs: 5 }, maxInFlight: 'adaptive', maxInFlightPerInstance: 'adaptive' },
        stale: { discovery: this.#registry },
        empty: {},
        failing: { retry: { budget: { ratio: 0, minPerSecond: 0 } }, outlierDetection: false },
        dead: { retry: false, outlierDetection: { intervalMs: 500 } },
        skewed: { balancer: firstOfAll },
        full: { maxInFlight: 1, queue: { maxSize: 1 } },
      },
    })
    this.#timer = setInterval(() => this.#call(), 20)
  }

  /** The registry of `stale` fails from now on. */
  async breakRegistry(): Promise<void> {
    await this.lb.ready('stale')
    this.#registry.answer = new Error('the registry is down')
    await this.lb.refresh('stale').catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.lb.close()
  }

  #call(): void {
    const refused = (): Promise<never> => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    const send = (service: string, attempt: (instance: ServiceInstance) => unknown, times = 1): void => {
      for (let call = 0; call < times; call++)
        this.lb.execute(service, async (instance) => attempt(instance), { idempotent: true }).catch(() => {})
    }
    send('healthy', () => 1, 4)
    send('slow', () => later(10))
    send('empty', () => 1)
    send('sick', ({ host }) => (host === '10.0.0.1' ? 1 : refused()))
    send('failing', refused)
    send('dead', refused)
    send('skewed', () => 1, 4)
    send('full', () => later(200), 3)
    send('stale', () => 1)
    send('nothing-of-that-name', () => 1)
  }
}

function hostAndPort(address: string): { host: string; port: number } {
  const [host = '', port] = address.split(':')
  return { host, port: Number(port) }
}
