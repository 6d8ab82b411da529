import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { HealthChecker, isHealthChecker } from '../health/checks/checker.ts'
import type { ServiceOptions } from './service-options.ts'

/** The health checkers of one load balancer: one for each different set of options, so that services share probes. */
export class HealthCheckers {
  readonly #base: ServiceOptions['healthCheck']
  readonly #sources: { readonly clock: Clock; readonly random: Random }
  readonly #own = new Map<object, HealthChecker>()
  #shared: HealthChecker | undefined

  constructor(base: ServiceOptions['healthCheck'], sources: { readonly clock: Clock; readonly random: Random }) {
    this.#base = base
    this.#sources = sources
  }

  /** The checker for a service with these options of its own. */
  for({ healthCheck }: ServiceOptions): HealthChecker | undefined {
    const base = this.#base
    if (healthCheck === undefined) return this.#sharedChecker()
    if (healthCheck === false || isHealthChecker(healthCheck)) return healthCheck === false ? undefined : healthCheck
    const inherited = base === undefined || base === false || isHealthChecker(base) ? {} : base
    let checker = this.#own.get(healthCheck)
    if (checker === undefined) {
      checker = new HealthChecker({ ...inherited, ...healthCheck, ...this.#sources })
      this.#own.set(healthCheck, checker)
    }
    return checker
  }

  /** Ends those that were made here; a checker that was given stays its owner's. */
  close(): void {
    this.#shared?.close()
    for (const checker of this.#own.values()) checker.close()
  }

  #sharedChecker(): HealthChecker | undefined {
    const base = this.#base
    if (base === undefined || base === false) return undefined
    if (isHealthChecker(base)) return base
    this.#shared ??= new HealthChecker({ ...base, ...this.#sources })
    return this.#shared
  }
}
