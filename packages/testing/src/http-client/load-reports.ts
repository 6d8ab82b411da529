import { expect, it } from 'vitest'
import { get, type HttpClientFixture, seen } from './fixture.ts'

const name = 'endpoint-load-metrics-format'

/** Requests ask for load reports where the service says so, and what is reported counts. */
export function describeLoadReports(client: HttpClientFixture): void {
  const asked = (): unknown[] => client.backends.flatMap(({ requests }) => requests.map(({ headers }) => headers[name]))

  it('asks for no load report by default', async () => {
    await client.expectStatus(200, get, 3)
    await client.use({ loadReports: {} })
    await client.expectStatus(200, get, 3)
    expect(new Set(asked())).toEqual(new Set([undefined]))
  })

  it('asks every instance for its load report, also when it repeats a request', async () => {
    client.backends[0].script = { status: 503 }
    await client.use({ loadReports: { request: true }, retry: { backoffBaseMs: 1, budget: false } })
    await client.expectStatus(200, get, 3)
    expect(asked()).toEqual(['text', 'text', 'text', 'text'])
    await client.use({ loadReports: { request: 'json' } })
    client.script({})
    await client.expectStatus(200, get)
    expect(asked()).toContain('json')
  })

  it('weighs instances by the metrics of their reports', async () => {
    for (const [index, backend] of client.backends.entries()) {
      const header = `TEXT named_metrics.kv_cache_usage_perc=${(index + 1) / 10}, named_metrics.num_requests_waiting=7`
      backend.script = ({ headers }) => ({
        headers: headers[name] === undefined ? {} : { 'endpoint-load-metrics': header },
      })
    }
    const metrics = ['named_metrics.kv_cache_usage_perc']
    await client.use({ loadReports: { request: true, metrics, blackoutMs: 0, updateMs: 100 } })
    await seen(async () => {
      await client.expectStatus(200)
      const [first = 0, , last = 0] = client.lb.inspect('user-service').instances.map((each) => each.effectiveWeight)
      return Math.abs(first - 2) < 0.01 && Math.abs(last - 2 / 3) < 0.01
    })
  })
}
