import type { CancelTimer, Clock, LoadBalancer } from '@lb/core'

/** Waits until no request is in flight or queued, at most `timeoutMs`. Resolves with how many are left. */
export async function drained(lb: LoadBalancer, clock: Clock, timeoutMs: number): Promise<number> {
  if (timeoutMs === 0 || unfinished(lb) === 0) return unfinished(lb)
  let cancelTimer: CancelTimer = () => {}
  let unsubscribe: () => void = () => {}
  try {
    await new Promise<void>((resolve) => {
      cancelTimer = clock.setTimeout(resolve, timeoutMs)
      unsubscribe = lb.subscribe(({ type }) => {
        const ending = type === 'request-finished' || type === 'call-refused' || type === 'closed'
        if (ending && unfinished(lb) === 0) resolve()
      })
    })
  } finally {
    cancelTimer()
    unsubscribe()
  }
  return unfinished(lb)
}

function unfinished(lb: LoadBalancer): number {
  return lb.inspect().reduce((sum, { inFlight, queued }) => sum + inFlight + queued, 0)
}
