import { systemClock } from '@lb/core/authoring'
import { createFetch, type LoadBalancedFetch } from '@lb/undici'
import type { CallOptions } from './call-options.ts'
import type { CallTally } from './call-tally.ts'
import type { CommandContext } from './command-context.ts'
import { ProgressLine } from './progress-line.ts'
import type { ServiceSession } from './service-session.ts'

interface CallRun {
  readonly session: ServiceSession
  readonly calls: CallOptions
  readonly tally: CallTally
  readonly context: CommandContext
}

/** Makes all calls, `concurrency` at once, until they are done or the command is stopped. */
export async function callAll({ session, calls, tally, context }: CallRun): Promise<void> {
  const { lb, service } = session
  const { requests, concurrency } = calls
  const { signal } = context
  const progress = new ProgressLine(context)
  const unsubscribe = lb.subscribe((event) => tally.observe(event), ['request-finished', 'retry'])
  const fetch = createFetch(lb)
  const caller = new Caller(fetch, `lb://${service}${calls.path}`, calls, tally)
  const stop = (): void => caller.stop()
  signal.addEventListener('abort', stop, { once: true })
  let begun = 0
  let ended = 0
  const worker = async (): Promise<void> => {
    while (begun < requests && !signal.aborted) {
      begun++
      await caller.call()
      ended++
      progress.show(ended / requests, `${ended} of ${requests} calls, ${tally.failures} failed`)
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, worker))
  } finally {
    signal.removeEventListener('abort', stop)
    unsubscribe()
    progress.end()
    // Whatever still runs is cut off with the load balancer.
    await Promise.race([fetch.close(), lb.close()])
  }
}

/** Makes single calls, and counts them. */
class Caller {
  readonly #fetch: LoadBalancedFetch
  readonly #url: string
  readonly #calls: CallOptions
  readonly #tally: CallTally
  readonly #running = new Set<AbortController>()
  #isStopped = false

  constructor(fetch: LoadBalancedFetch, url: string, calls: CallOptions, tally: CallTally) {
    this.#fetch = fetch
    this.#url = url
    this.#calls = calls
    this.#tally = tally
  }

  /** Ends the calls under way, which then count neither as ok nor as failed. */
  stop(): void {
    this.#isStopped = true
    for (const controller of this.#running) controller.abort()
  }

  async call(): Promise<void> {
    const startedMs = systemClock.now()
    const controller = new AbortController()
    let isLate = false
    // The time limit of the load balancer ends with the head of a response.
    const cancel = systemClock.setTimeout(() => {
      isLate = true
      controller.abort()
    }, this.#calls.timeoutMs)
    this.#running.add(controller)
    try {
      this.#tally.responded(await this.#send(controller.signal), systemClock.now() - startedMs)
    } catch (error) {
      if (!this.#isStopped) this.#tally.failed(isLate ? 'LB_DEADLINE_EXCEEDED' : reasonOf(error))
    } finally {
      cancel()
      this.#running.delete(controller)
    }
  }

  /** The status of the response, once its body has ended. */
  async #send(signal: AbortSignal): Promise<number> {
    const { method, headers, body } = this.#calls
    const response = await this.#fetch(this.#url, {
      method,
      headers: headers.map(([name, value]) => [name, value]),
      signal,
      redirect: 'manual',
      ...(body === undefined ? undefined : { body }),
    })
    if (response.body !== null) for await (const _ of response.body);
    return response.status
  }
}

/** The code of the innermost cause that has one. */
function reasonOf(error: unknown): string {
  let reason = error instanceof Error ? error.name : 'unknown error'
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++) {
    if ('code' in each && typeof each.code === 'string') reason = each.code
  }
  return reason
}
