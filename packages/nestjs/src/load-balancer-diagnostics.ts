import { LoadBalancer, type ServiceSnapshot } from '@lb/core'
import { Inject, Injectable } from '@nestjs/common'

/**
 * What the load balancer knows, for an endpoint, a command or a log of your own. Not provided by the module: add it to
 * the `providers` of the module that uses it.
 */
@Injectable()
export class LoadBalancerDiagnostics {
  readonly #lb: LoadBalancer

  constructor(@Inject(LoadBalancer) lb: LoadBalancer) {
    this.#lb = lb
  }

  /** Every service, each instance, its state, and why; plain data. Asks nobody. */
  inspect(): ServiceSnapshot[] {
    return this.#lb.inspect()
  }
}
