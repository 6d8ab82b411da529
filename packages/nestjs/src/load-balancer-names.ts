import type { OnModuleInit } from '@nestjs/common'
import { rejectCall } from './options.ts'
import { defaultName } from './tokens.ts'

/** The load balancers of one application: each has a name of its own, and exists once. */
export class LoadBalancerNames implements OnModuleInit {
  readonly #calls = new Map<string, string>()
  readonly #created = new Set<string>()

  /** The application has `call`, which is to create the load balancer `name`. @throws InvalidOptionError if another one has the name */
  expect(name: string, call: string): void {
    if (this.#calls.has(name)) {
      const which = name === defaultName ? 'without a name' : `called ${JSON.stringify(name)}`
      rejectCall(call, `the application has another load balancer ${which}`, 'give each a name of its own')
    }
    this.#calls.set(name, call)
  }

  /** The options of the load balancer `name` are there. */
  created(name: string): void {
    this.#created.add(name)
  }

  /** @throws InvalidOptionError if Nest would create one anew for each request, as it does when its options depend on one */
  onModuleInit(): void {
    for (const [name, call] of this.#calls) {
      // All that is not request-scoped exists by now.
      if (this.#created.has(name)) continue
      const remedy = 'inject singletons only, as one load balancer serves the whole application'
      rejectCall(call, 'the options depend on a request-scoped provider', remedy)
    }
  }
}
