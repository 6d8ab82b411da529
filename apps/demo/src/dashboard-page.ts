import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LoadBalancer } from '@lb/core'
import { type Dashboard, dashboard } from '@lb/dashboard'

/** Serves the dashboard of the phase that runs, on a port of its own. Whoever is on this machine may steer it: it is a demonstration. */
export class DashboardPage implements AsyncDisposable {
  readonly #server: Server
  #dashboard: Dashboard | undefined

  private constructor() {
    this.#server = createServer((request, response) => {
      if (this.#dashboard === undefined) response.writeHead(503).end()
      else this.#dashboard.handle(request, response)
    })
  }

  static async open(): Promise<DashboardPage> {
    const page = new DashboardPage()
    await new Promise<void>((resolve) => page.#server.listen(0, '127.0.0.1', resolve))
    return page
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** From now on it shows this one; that of the phase before has ended with its load balancer. */
  show(lb: LoadBalancer): void {
    this.#dashboard = dashboard(lb, { title: 'lb demo', authorize: () => ({ by: 'demo' }) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve).closeAllConnections()
    })
  }
}
