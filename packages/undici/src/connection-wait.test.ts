import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { limitWaiting } from './connection-wait.ts'
import { HeldResponse } from './held-response.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

class Waiting extends HeldResponse<null> {
  readonly contentLength = Number.NaN
  override begin(): void {
    super.begin()
  }
  override failed(error: Error): void {
    super.failed(error)
  }
  protected override abortTransport(): void {}
  protected override pauseTransport(): void {}
  protected override resumeTransport(): void {}
  protected override blames(): boolean {
    return true
  }
}

/** A pool whose connections are all in use. */
function fullPool(): { dispatch(request: never, handler: never): boolean; stats: { queued: number } } {
  return { dispatch: () => false, stats: { queued: 1 } }
}

function send(pool: ReturnType<typeof fullPool>): { response: Waiting; sent: Promise<unknown> } {
  const response = new Waiting()
  const sent = response.started(() => void pool.dispatch({} as never, response as never))
  return { response, sent: sent.catch((error: unknown) => error) }
}

it('a request fails when no connection is free in time', async () => {
  const { sent } = send(limitWaiting(fullPool(), 50))
  vi.advanceTimersByTime(50)
  expect(await sent).toMatchObject({
    code: 'LB_OVERLOADED',
    message: 'no connection was free within 50 ms (pool.connections)',
  })
})

it('a request that has a connection waits for its response as long as it takes', () => {
  const { response } = send(limitWaiting(fullPool(), 50))
  response.begin()
  expect(vi.getTimerCount()).toBe(0)
})

it('a request that has got one at once does not wait', () => {
  const pool = { dispatch: () => false, stats: { queued: 0 } }
  send(limitWaiting(pool, 50))
  expect(vi.getTimerCount()).toBe(0)
})

it('no more than 1 000 requests wait, those included that have been given up', async () => {
  const pool = limitWaiting(fullPool(), 50)
  const waiting = Array.from({ length: 1_000 }, () => send(pool))
  vi.advanceTimersByTime(50)
  expect(await send(pool).sent).toMatchObject({ code: 'LB_OVERLOADED', message: '1000 requests wait for a connection' })
  waiting[0]?.response.begin()
  waiting[1]?.response.failed(new Error('closed'))
  const others = [send(pool), send(pool), send(pool)]
  expect(vi.getTimerCount()).toBe(2)
  expect(await others[2]?.sent).toMatchObject({ message: '1000 requests wait for a connection' })
})
