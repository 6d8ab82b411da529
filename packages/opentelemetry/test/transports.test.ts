import { createRequire } from 'node:module'
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { createFetch } from '@lb/undici'
import { SpanKind } from '@opentelemetry/api'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import axios from 'axios'
import * as undiciPackage from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { instrument } from '../src/index.ts'
import { childrenOf, Telemetry } from './telemetry.ts'

const undici = new UndiciInstrumentation()
const http = new HttpInstrumentation()
// It patches the module when that is required.
createRequire(import.meta.url)('node:http')

describe('the span of the transport', () => {
  let telemetry: Telemetry
  let bad: LoopbackBackend
  let good: LoopbackBackend
  let lb: LoadBalancer

  beforeEach(async () => {
    telemetry = new Telemetry()
    for (const each of [undici, http]) {
      each.setTracerProvider(telemetry.tracerProvider)
      each.enable()
    }
    bad = await LoopbackBackend.start({ id: 'bad', script: { status: 503 } })
    good = await LoopbackBackend.start({ id: 'good' })
    lb = new LoadBalancer({
      discovery: new StaticDiscovery({ users: [bad.address, good.address] }),
      random: () => 0,
    })
    instrument(lb, telemetry.providers)
  })

  afterEach(async () => {
    for (const each of [undici, http]) each.disable()
    await lb.close()
    await Promise.all([bad.stop(), good.stop()])
    telemetry[Symbol.dispose]()
  })

  /** Checks the whole trace of a request that was sent to `bad`, and then to `good`. */
  function checkTrace(): void {
    // The instances are in this process.
    const spans = telemetry.spans().filter(({ kind }) => kind === SpanKind.CLIENT)
    const [call] = telemetry.spans('GET users')
    const attempts = childrenOf(call, spans)
    expect(
      attempts.map(({ attributes }) => [attributes['network.peer.port'], attributes['http.response.status_code']]),
    ).toEqual([
      [bad.port, 503],
      [good.port, 200],
    ])
    for (const [index, backend] of [bad, good].entries()) {
      const transports: ReadableSpan[] = childrenOf(attempts[index], spans)
      expect(transports).toHaveLength(1)
      const { traceId, spanId } = transports[0]?.spanContext() ?? {}
      expect(traceId).toBe(call?.spanContext().traceId)
      expect(backend.requests[0]?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`)
    }
    expect(spans).toHaveLength(5)
    for (const { attributes } of [call, ...attempts].flatMap((span) => span ?? [])) {
      expect(JSON.stringify(attributes)).not.toContain('secret')
    }
  }

  it('of fetch is a child of the attempt, and its trace context reaches the instance', async () => {
    const fetch = createFetch(lb)
    const response = await fetch('http://users/v1/profile?token=secret')
    await response.text()
    await fetch.close()
    await expect.poll(() => telemetry.spans('GET users').length).toBe(1)
    checkTrace()
  })

  it.each([
    ['http', {}],
    ['undici', { undici: undiciPackage }],
  ])('of axios over %s is a child of the attempt, and its trace context reaches the instance', async (_, options) => {
    const client = loadBalance(axios.create(), lb, options)
    await client.get('http://users/v1/profile?token=secret')
    await expect.poll(() => telemetry.spans('GET users').length).toBe(1)
    checkTrace()
  })
})
