import { StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import { codeOf, deadlineMs, type GrpcClientFixture, service } from './fixture.ts'

const answers = { CANCELLED: 1, INVALID_ARGUMENT: 3, NOT_FOUND: 5, PERMISSION_DENIED: 7, RESOURCE_EXHAUSTED: 8 }
const failures = { UNKNOWN: 2, INTERNAL: 13, UNAVAILABLE: 14, DATA_LOSS: 15 }

/** `cpu_utilization` 0.5 and `rps_fractional` 100, as a protocol buffer. */
const report = Buffer.concat([doubleField(1, 0.5), doubleField(6, 100)])

/** What the status of a call says of its instance. */
export function describeGrpcStatuses(fixture: GrpcClientFixture): void {
  it.each(Object.entries(answers))('gives %s to the caller, and blames no instance', async (_name, code) => {
    for (const server of fixture.servers) server.script = { code }
    for (let call = 0; call < 20; call++) {
      expect(await codeOf(fixture.client.say({ text: 'hi', deadlineMs }))).toBe(code)
    }
    const { instances } = fixture.lb.inspect(service)
    expect(instances.map(({ state, failed }) => [state, failed])).toEqual(
      Array.from({ length: 3 }, () => ['available', 0]),
    )
    expect(fixture.received).toBe(20)
  })

  it.each(Object.entries(failures))('counts %s against the instance', async (_name, code) => {
    fixture.servers[0].script = { code }
    await fixture.use({}, false)
    for (let call = 0; call < 40; call++) await codeOf(fixture.client.say({ text: 'hi', deadlineMs }))
    expect(fixture.states).toEqual(['ejected', 'available', 'available'])
  })

  it('counts a deadline that passes against the instance, once', async () => {
    await fixture.use({ discovery: new StaticDiscovery({ [service]: [fixture.servers[0].address] }) }, false)
    // The deadline is not to pass while the connection is established.
    await fixture.connected(['a'])
    fixture.servers[0].script = { isSilent: true }
    expect(await codeOf(fixture.client.say({ text: 'hi', deadlineMs: 250 }))).toBe(4)
    await fixture.expectIdle()
    expect(fixture.lb.inspect(service).instances.map(({ failed }) => failed)).toEqual([1])
    await expect.poll(() => fixture.servers[0].calls.at(-1)?.isCancelled).toBe(true)
  })

  it('learns weights from the load reports in trailers', async () => {
    fixture.servers[0].script = { trailers: { 'endpoint-load-metrics-bin': report } }
    const finished: unknown[] = []
    await fixture.use({ loadReports: {} })
    fixture.lb.subscribe((event) => {
      if (event.type === 'request-finished') finished.push(event.outcome.loadReport)
    })
    await fixture.connected()
    await fixture.expectIdle()
    expect(finished).toContainEqual({ cpuUtilization: 0.5, rpsFractional: 100 })
  })
}

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = field * 8 + 1
  bytes.writeDoubleLE(value, 1)
  return bytes
}
