import { expect, it } from 'vitest'
import { get, type HttpClientFixture, post, seen } from './fixture.ts'
import type { HttpClientCapabilities, HttpClientRequest } from './harness.ts'

const header = 'x-lb-criticality'

const ofClass = (criticality: string, headers = {}): HttpClientRequest => ({
  ...get,
  headers: { 'x-class': criticality, ...headers },
})

/** Requests have a class, by which they are refused under overload, and which the instances can be sent. */
export function describeCriticality(client: HttpClientFixture, { criticality = false }: HttpClientCapabilities): void {
  if (!criticality) return

  it('refuses a sheddable request first when the service is full', async () => {
    const only = await client.useFirst({ maxInFlight: 1, queue: { maxSize: 1 } })
    const { done } = await client.lb.acquire('user-service')
    const refused = expect(client.send(ofClass('sheddable'))).rejects.toMatchObject({ code: 'LB_OVERLOADED' })
    await seen(() => client.lb.inspect('user-service').queued === 1)
    const critical = client.send(ofClass('critical'))
    await refused
    await expect(client.send(get)).rejects.toMatchObject({ code: 'LB_OVERLOADED' })
    done({ ok: true, latencyMs: 1 })
    expect((await critical).status).toBe(200)
    expect(only.requests.map(({ headers }) => headers['x-class'])).toEqual(['critical'])
  })

  describeCriticalityHeader(client)
}

function describeCriticalityHeader(client: HttpClientFixture): void {
  /** What the instances got under `name`. */
  const sent = (name = header): unknown[] =>
    client.backends.flatMap(({ requests }) => requests.map(({ headers }) => headers[name]))

  it('takes a class that is none for the default', async () => {
    await client.use({}, { criticalityHeader: true })
    for (const value of ['urgent', 'CRITICAL', 'critical, critical', '__proto__']) {
      await client.expectStatus(200, ofClass(value))
    }
    expect(sent()).toEqual(['default', 'default', 'default', 'default'])
  })

  it('says the class to no instance by default', async () => {
    await client.expectStatus(200, ofClass('critical'))
    await client.use({}, { criticalityHeader: false })
    await client.expectStatus(200, ofClass('sheddable'))
    expect(sent()).toEqual([undefined, undefined])
  })

  it('says it to every instance where that is an option, also when it repeats a request', async () => {
    client.backends[0].script = { status: 503 }
    await client.use({ retry: { backoffBaseMs: 1, budget: false } }, { criticalityHeader: true })
    await client.expectStatus(200, ofClass('critical'), 3)
    expect(sent()).toEqual(['critical', 'critical', 'critical', 'critical'])
  })

  it('says the default for a request without one, and replaces what the caller wrote', async () => {
    const only = await client.useFirst({}, { criticalityHeader: true })
    await client.expectStatus(200, post)
    await client.expectStatus(200, ofClass('sheddable', { 'X-LB-Criticality': 'critical' }))
    expect(sent()).toEqual(['default', 'sheddable'])
    expect(only.requests).toHaveLength(2)
  })

  it('says it under another name', async () => {
    await client.use({}, { criticalityHeader: 'X-Worth' })
    await client.expectStatus(200, ofClass('critical'))
    expect([sent(), sent('x-worth')]).toEqual([[undefined], ['critical']])
  })
}
