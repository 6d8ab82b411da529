import { describe, expect, it } from 'vitest'
import type { AttemptInfo, CallInfo, CallObserver, CallResult, Outcome } from '../src/index.ts'
import { ObservedLoadBalancer, refused } from './observed-load-balancer.ts'

const two = ['10.0.0.1:80', '10.0.0.2:80'].map((address) => ({ host: address.split(':')[0] as string, port: 80 }))

/** An observer that writes down what it is told. */
class NotedCalls implements CallObserver {
  readonly notes: string[] = []
  readonly calls: CallInfo[] = []
  readonly attempts: AttemptInfo[] = []
  readonly outcomes: Outcome[] = []
  readonly results: CallResult[] = []

  startCall(call: CallInfo): ReturnType<CallObserver['startCall']> {
    this.calls.push(call)
    this.notes.push('call')
    return {
      startAttempt: (attempt) => {
        this.attempts.push(attempt)
        this.notes.push(`${attempt.kind} ${attempt.number}`)
        return {
          run: (send) => {
            this.notes.push('before')
            try {
              return send()
            } finally {
              this.notes.push('after')
            }
          },
          end: (outcome) => {
            this.outcomes.push(outcome)
            this.notes.push(`attempt ${outcome.ok}`)
          },
        }
      },
      end: (result) => {
        this.results.push(result)
        this.notes.push(result.result)
      },
    }
  }
}

describe('observe', () => {
  it('shows a call with a retry: its begin, each attempt, and its end', async () => {
    const observed = new ObservedLoadBalancer(two)
    const calls = new NotedCalls()
    observed.lb.observe(calls)
    const send = ({ host }: { host: string }): string => {
      if (host === '10.0.0.1') throw refused
      return 'value'
    }
    expect(await observed.settle(observed.lb.execute('users', send))).toBe('value')
    const first = ['first 1', 'before', 'after', 'attempt false']
    expect(calls.notes).toEqual(['call', ...first, 'retry 2', 'before', 'after', 'attempt true', 'ok'])
    expect(calls.calls).toEqual([{ service: 'users', call: 1, idempotent: false }])
    expect(observed.eventsOf('call-finished')).toEqual([
      expect.objectContaining({ service: 'users', call: 1, result: 'ok', attempts: 2, retries: 1, hedges: 0 }),
    ])
  })

  it('takes an observer that runs no attempts, beside one that does', async () => {
    const observed = new ObservedLoadBalancer(two)
    const outcomes: boolean[] = []
    observed.lb.observe({
      startCall: () => ({ startAttempt: () => ({ end: ({ ok }) => outcomes.push(ok) }), end: () => {} }),
    })
    const calls = new NotedCalls()
    observed.lb.observe(calls)
    expect(await observed.settle(observed.lb.execute('users', () => 'value'))).toBe('value')
    expect(calls.notes).toEqual(['call', 'first 1', 'before', 'after', 'attempt true', 'ok'])
    expect(outcomes).toEqual([true])
    expect(observed.eventsOf('callback-failed')).toEqual([])
    await observed.lb.close()
  })
})
