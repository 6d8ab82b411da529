import { LoopbackBackend } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Stopped } from '../src/command-error.ts'
import { exitCodes } from '../src/index.ts'
import { run, words } from './run-command.ts'

let backends: LoopbackBackend[]
let source: string
beforeEach(async () => {
  backends = await Promise.all(['a', 'b'].map((id) => LoopbackBackend.start({ id })))
  source = `--static ${backends.map(({ address }) => address).join(',')}`
})
afterEach(() => Promise.all(backends.map((backend) => backend.stop())))

describe('call', () => {
  it('spreads calls, and shows instances and latencies', async () => {
    const { code, out, err } = await run(words(`call users /v1/profile -n 40 -c 4 ${source}`))
    expect(code).toBe(0)
    expect(out).toMatch(/^40 calls in \d+\.\d\d s \(\d+ per second\): 40 ok, 0 failed, 0 retries$/m)
    for (const { address } of backends) expect(out).toMatch(new RegExp(`^http://${address} +20 +50\\.00 % +0 `, 'm'))
    expect(out).toMatch(/^latency p50 \S+ ms, p90 \S+ ms, p99 \S+ ms, max \S+ ms$/m)
    expect(out).toMatch(/^ *≤ .*█/m)
    expect(err.trimEnd().split('\n')).toEqual(
      [25, 50, 75, 100].map((percent) => expect.stringContaining(`${percent} %`)),
    )
    expect(backends.flatMap((backend) => backend.requests.map(({ url }) => url))).toEqual(Array(40).fill('/v1/profile'))
  })

  it('retries on another instance, and says what failed', async () => {
    const [bad] = backends
    if (bad !== undefined) bad.script = { status: 503 }
    const { code, out } = await run(words(`call users -n 4 ${source} -o json`))
    const report = JSON.parse(out)
    expect(code).toBe(0)
    expect(report).toMatchObject({ calls: 4, succeeded: 4, failed: 0, statuses: { 200: 4 } })
    expect(report.retries).toBeGreaterThan(0)
    expect(report.instances.find(({ endpoint }: { endpoint: string }) => endpoint === bad?.url)?.failed).toBe(
      report.retries,
    )
  })

  it('fails if more calls fail than allowed', async () => {
    for (const backend of backends) backend.script = { status: 500 }
    const failed = await run(words(`call users -n 4 --no-retry ${source}`))
    expect(failed.code).toBe(1)
    expect(failed.out).toContain('4 × status 500')
    expect((await run(words(`call users -n 4 --no-retry --max-failures 4 ${source}`))).code).toBe(0)
    for (const backend of backends) backend.script = { status: 404 }
    expect((await run(words(`call users ${source}`))).code).toBe(1)
  })

  it('counts instances that are not there', async () => {
    await Promise.all(backends.map((backend) => backend.stop()))
    const { code, out } = await run(words(`call users -n 2 --no-retry ${source}`))
    expect(code).toBe(1)
    expect(out).toContain('2 × ECONNREFUSED')
  })

  it.each(['black-hole', 'stall-in-body'] as const)('ends a call after --timeout: %s', async (fault) => {
    for (const backend of backends) backend.script = { fault }
    const { code, out } = await run(words(`call users --timeout 200ms ${source}`))
    expect(code).toBe(1)
    expect(out).toMatch(/1 × (?:LB_DEADLINE_EXCEEDED|LB_NO_AVAILABLE_INSTANCE)/)
  })

  it('sends method, headers and body', async () => {
    await run(['call', 'users', '/x', ...words(source), '-d', 'hello', '-H', 'x-one: 1', '-H', 'x-two:2', '-X', 'PUT'])
    const [request] = backends.flatMap(({ requests }) => requests)
    expect(request).toMatchObject({ method: 'PUT', body: 'hello', headers: { 'x-one': '1', 'x-two': '2' } })
  })

  it('reaches a service whose name is no host', async () => {
    const { code } = await run(['call', 'PAY@@orders', ...words(source)])
    expect(code).toBe(0)
  })

  it('prints what it has when it is stopped, and leaves nothing open', async () => {
    const controller = new AbortController()
    for (const backend of backends) {
      backend.script = (_, number) => {
        if (number === 5) controller.abort(new Stopped('interrupted', exitCodes.interrupted))
        return number >= 5 ? { fault: 'black-hole' } : {}
      }
    }
    const { code, out } = await run(words(`call users -n 1000 -c 2 ${source} --timeout 1m`), {
      signal: controller.signal,
    })
    expect(code).toBe(130)
    expect(out).toMatch(/^(?:8|9) calls in .* 0 failed/)
  })

  it('redraws its progress on a terminal', async () => {
    const { err } = await run(words(`call users -n 3 ${source}`), { columns: 30 })
    expect(err).toMatch(/^\r 33 % 1 of 3 calls, 0 failed.*\r +\r$/s)
    expect(err).not.toContain('\n')
  })
})
