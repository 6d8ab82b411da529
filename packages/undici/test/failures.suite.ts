import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../src/index.ts'
import { Fixture } from './fixture.ts'

describe('failures', () => {
  it('loses no GET when an instance dies under load', async () => {
    await using fixture = await Fixture.start({
      backends: 3,
      lb: { retry: { backoffBaseMs: 1, budget: { ratio: 1 } } } as never,
    })
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) backend.script = { latencyMs: 2 }
    const statuses: number[] = []
    const worker = async (send: () => Promise<number>): Promise<void> => {
      for (let number = 0; number < 40; number++) {
        if (statuses.length === 150) await fixture.backend.stop()
        statuses.push(await send())
      }
    }
    const request = async (): Promise<number> => {
      const { statusCode, body } = await fixture.request()
      await body.text()
      return statusCode
    }
    const viaFetch = async (): Promise<number> => {
      const response = await fetch('http://user-service/')
      await response.text()
      return response.status
    }
    await Promise.all(Array.from({ length: 10 }, (_, index) => worker(index % 2 === 0 ? request : viaFetch)))
    expect(statuses).toHaveLength(400)
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it('aborts the slower of two hedged attempts', async () => {
    await using fixture = await Fixture.start({ lb: { hedge: { delayMs: 5 } } as never })
    fixture.backend.script = { fault: 'black-hole' }
    for (let number = 0; number < 4; number++) {
      const { statusCode, body } = await fixture.request()
      expect(statusCode).toBe(200)
      await body.text()
    }
    await vi.waitFor(() => expect(fixture.backend.connections).toBe(0))
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it('aborts an attempt that takes too long', async () => {
    await using fixture = await Fixture.start({ backends: 1, lb: { retry: { attemptTimeoutMs: 20, maxRetries: 0 } } })
    fixture.backend.script = { fault: 'black-hole' }
    await expect(fixture.request()).rejects.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
    await vi.waitFor(() => expect(fixture.backend.connections).toBe(0))
    await fixture.allDone(1)
  })

  it('ends at the deadline of the service', async () => {
    await using fixture = await Fixture.start({ lb: { timeoutMs: 20 } as never })
    for (const backend of fixture.backends) backend.script = { fault: 'black-hole' }
    await expect(fixture.request({ method: 'POST', body: 'x' })).rejects.toMatchObject({ code: 'LB_DEADLINE_EXCEEDED' })
    await vi.waitFor(() => expect(fixture.backends.map(({ connections }) => connections)).toEqual([0, 0]))
  })

  it('uses a connection again after an answer that was given up', async () => {
    await using fixture = await Fixture.start({ lb: { outlierDetection: false } })
    fixture.backend.script = { status: 503 }
    for (let number = 0; number < 20; number++) await (await fixture.request()).body.dump()
    expect(fixture.backend.requests).toHaveLength(10)
    expect(fixture.backend.connections).toBeLessThan(3)
  })

  it('blames no instance for a mistake in the request', async () => {
    await using fixture = await Fixture.start()
    await expect(fixture.request({ path: 'no slash' })).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' })
    await fixture.allDone(1)
    expect(fixture.finished[0]).toMatchObject({ outcome: { ok: false, blame: 'none' } })
  })

  it('leaves no listener on a signal that lives longer than its requests', async () => {
    await using fixture = await Fixture.start()
    fixture.backend.script = { status: 503 }
    const { signal } = new AbortController()
    for (let number = 0; number < 10; number++) await (await fixture.request({ signal })).body.text()
    await vi.waitFor(() => expect(getEventListeners(signal, 'abort')).toEqual([]))
    await fixture.allDone(10 + fixture.backend.requests.length)
  })

  it('leaves no connection open', async () => {
    const fixture = await Fixture.start({ backends: 3 })
    for (let number = 0; number < 9; number++) await (await fixture.request()).body.text()
    await fixture.agent.close()
    await vi.waitFor(() => expect(fixture.backends.map(({ connections }) => connections)).toEqual([0, 0, 0]))
    await fixture[Symbol.asyncDispose]()
  })
})
