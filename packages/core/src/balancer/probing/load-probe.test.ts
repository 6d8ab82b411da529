import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseInstance } from '../../instance/instance.ts'
import { httpLoadProbe, loadProbeResult } from './load-probe.ts'

describe('what a probe gave', () => {
  it.each([
    [
      { inFlight: 0, latencyMs: 0 },
      { inFlight: 0, latencyMs: 0 },
    ],
    [
      { inFlight: 2.5, latencyMs: 7, more: 1 },
      { inFlight: 2.5, latencyMs: 7 },
    ],
    [{ inFlight: 3 }, { inFlight: 3 }],
    [
      { inFlight: 999_999_999, latencyMs: 999_999_999 },
      { inFlight: 999_999_999, latencyMs: 999_999_999 },
    ],
    [{ inFlight: 3, latencyMs: 1e9 }, { inFlight: 3 }],
    [{ inFlight: 3, latencyMs: -1 }, { inFlight: 3 }],
    [{ inFlight: 3, latencyMs: Number.NaN }, { inFlight: 3 }],
    [{ inFlight: 3, latencyMs: '7' }, { inFlight: 3 }],
    [{ inFlight: -1 }, undefined],
    [{ inFlight: 1e9 }, undefined],
    [{ inFlight: Number.NaN }, undefined],
    [{ inFlight: '3' }, undefined],
    [{}, undefined],
    [null, undefined],
    [undefined, undefined],
    ['3', undefined],
  ])('%j is the report %j', (given, expected) => {
    expect(loadProbeResult(given)).toStrictEqual(expected)
  })
})

describe('a probe by HTTP', () => {
  const instance = parseInstance({ id: 'a', host: '10.0.0.1', port: 8_080 })
  const body = '{"inFlight":3}'
  const cancelled: string[] = []
  afterEach(() => {
    vi.unstubAllGlobals()
    cancelled.length = 0
  })

  /** The response of the instance; its body notes when it is cancelled. */
  function responseWith(status: number, headers: Readonly<Record<string, string>>): Response {
    const stream = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode(body))
        controller.close()
      },
    })
    const response = new Response(stream, { status, headers })
    const cancel = stream.cancel.bind(stream)
    stream.cancel = (reason) => {
      cancelled.push('cancelled')
      return cancel(reason)
    }
    return response
  }

  it.each([
    [200, { 'content-length': '14' }, { inFlight: 3 }],
    [200, { 'content-length': '1024' }, { inFlight: 3 }],
    [200, { 'content-length': '1025' }, undefined],
    [200, {}, undefined],
    [201, { 'content-length': '14' }, undefined],
    [404, { 'content-length': '14' }, undefined],
  ])('of %i with %j gives %j, and leaves no body unread', async (status, headers, expected) => {
    const response = responseWith(status, headers)
    const fetched = vi.fn().mockResolvedValue(response)
    vi.stubGlobal('fetch', fetched)
    const { signal } = new AbortController()
    expect(await httpLoadProbe('/lb/load')(instance, { signal })).toEqual(expected)
    expect(fetched.mock.calls).toEqual([['http://10.0.0.1:8080/lb/load', { redirect: 'manual', signal }]])
    expect(response.bodyUsed || cancelled.length > 0).toBe(true)
  })
})
