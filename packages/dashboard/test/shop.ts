import { createServer, type Server } from 'node:http'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { listen, onClose } from './servers.ts'

/** A service with instances that count what they get, and a client that calls it all the time. */
export class Shop {
  readonly lb: LoadBalancer
  readonly addresses: readonly string[]
  readonly #hits = new Map<string, number>()
  readonly #failing: Set<string>
  #isRunning = true

  private constructor(addresses: readonly string[], failing: Set<string>, hits: Map<string, number>) {
    this.addresses = addresses
    this.#failing = failing
    this.#hits = hits
    this.lb = new LoadBalancer({
      discovery: new StaticDiscovery({
        'user-service': addresses.map((address, index) => ({
          host: '127.0.0.1',
          port: Number(address.split(':')[1]),
          metadata: { version: `1.${index}`, 'api-token': 'hunter2' },
        })),
        'order-service': ['127.0.0.1:1', '127.0.0.1:2'],
      }),
      services: {
        'user-service': {},
        'order-service': { retry: { maxRetries: 1, backoffBaseMs: 1, backoffMaxMs: 1 } },
      },
    })
  }

  static async open(count = 3): Promise<Shop> {
    const failing = new Set<string>()
    const hits = new Map<string, number>()
    const addresses: string[] = []
    for (let index = 0; index < count; index++) {
      const server: Server = createServer((_request, response) => {
        hits.set(address, (hits.get(address) ?? 0) + 1)
        response.statusCode = failing.has(address) ? 500 : 200
        setTimeout(() => response.end(), 1 + Math.random() * 8)
      })
      const address = (await listen(server)).replace('http://', '')
      addresses.push(address)
    }
    const shop = new Shop(addresses, failing, hits)
    await shop.lb.ready('user-service')
    onClose(() => shop.#close())
    void shop.#callForEver()
    return shop
  }

  /** How many requests the instance got. */
  hits(address: string): number {
    return this.#hits.get(address) ?? 0
  }

  fail(address: string): void {
    this.#failing.add(address)
  }

  /** A call that fails. */
  async order(): Promise<void> {
    await this.lb
      .execute('order-service', ({ host, port }) => fetch(`http://${host}:${port}/`), { idempotent: true })
      .catch(() => {})
  }

  async #callForEver(): Promise<void> {
    while (this.#isRunning) {
      await this.lb
        .execute(
          'user-service',
          async ({ host, port }) => {
            const response = await fetch(`http://${host}:${port}/`)
            await response.text()
            return response
          },
          { idempotent: true },
        )
        .catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async #close(): Promise<void> {
    this.#isRunning = false
    await this.lb.close()
  }
}
