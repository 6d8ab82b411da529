import { LoadBalancer, type ServiceSnapshot } from '@lb/core'
import { Inject, Injectable } from '@nestjs/common'

/**
 * The state of the load balancer, for your own endpoint, command or log. The module does not provide it: add it to the
 * `providers` of the module that uses it.
 */
@Injectable()
export class LoadBalancerDiagnostics {
  readonly #lb: LoadBalancer

  constructor(@Inject(LoadBalancer) lb: LoadBalancer) {
    this.#lb = lb
  }

  /** Every service and each instance with its state and the reason, as plain data. Sends no request. */
  inspect(): ServiceSnapshot[] {
    return this.#lb.inspect()
  }
}
