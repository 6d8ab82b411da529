import type { OnModuleInit } from '@nestjs/common'
import { rejectCall } from './options.ts'
import { defaultName } from './tokens.ts'

/** The load balancers of one application, by name. */
export class LoadBalancerNames {
  readonly #names = new Set<string>()

  /** @throws InvalidOptionError when another one has the name */
  claim(name: string, call: string): void {
    if (this.#names.has(name)) {
      const which = name === defaultName ? 'without a name' : `called ${JSON.stringify(name)}`
      rejectCall(call, `the application has another load balancer ${which}`, 'give each a name of its own')
    }
    this.#names.add(name)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}

/** Finds the load balancer that Nest would make anew for each request, as it does when its options depend on one. */
export class SingletonCheck implements OnModuleInit {
  readonly #names: LoadBalancerNames
  readonly #name: string
  readonly #call: string

  constructor(names: LoadBalancerNames, name: string, call: string) {
    this.#names = names
    this.#name = name
    this.#call = call
  }

  /** @throws InvalidOptionError when the options factory injects something request-scoped */
  onModuleInit(): void {
    // All that is not request-scoped exists by now.
    if (this.#names.has(this.#name)) return
    rejectCall(
      this.#call,
      'the options depend on a request-scoped provider',
      'inject singletons only, as one load balancer serves the whole application',
    )
  }
}
