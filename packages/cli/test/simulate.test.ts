import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { readRecording, runScenario, scenarios, simulate } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Stopped } from '../src/command-error.ts'
import { exitCodes } from '../src/index.ts'
import { run, words } from './run-command.ts'

const small = '--clients 3 --instances 3 --duration 3s'

async function hashOf(line: string): Promise<string> {
  const { code, out } = await run(words(`${line} ${small} -o json`))
  expect(code).toBe(0)
  return JSON.parse(out).hash
}

describe('simulate', () => {
  it('lists the scenarios', async () => {
    const { code, out } = await run(['simulate'])
    expect(code).toBe(0)
    for (const name of Object.keys(scenarios)) expect(out).toMatch(new RegExp(`^${name} `, 'm'))
  })

  it('gives the same hash for the same seed, that of the simulator, and another one for another', async () => {
    const hash = await hashOf('simulate grey-failure --seed 7')
    expect(await hashOf('simulate grey-failure --seed 7')).toBe(hash)
    expect(await hashOf('simulate grey-failure --seed 8')).not.toBe(hash)
    expect(await hashOf('simulate grey-failure --seed 7 --balancer least-request')).not.toBe(hash)
    const size = { clients: 3, instances: 3, durationMs: 3_000, callsPerSecond: 40, seed: 7 }
    expect((await runScenario(scenarios['grey-failure'], size)).hash).toBe(hash)
  })

  it('prints figures, a plot and the hash; progress goes to standard error', async () => {
    const { code, out, err } = await run(words(`simulate retry-storm ${small}`))
    expect(code).toBe(0)
    expect(out).toMatch(/^calls +\d+$/m)
    expect(out).toMatch(/^goodput +\d+\.\d\d %$/m)
    expect(out).toMatch(/^100 % /m)
    expect(out).toMatch(/^seed 1, hash [0-9a-f]{16}$/m)
    expect(err.trimEnd().split('\n').at(-1)).toBe('100 % of 3 s of virtual time')
  })

  it('ends when it is stopped', async () => {
    const signal = AbortSignal.abort(new Stopped('interrupted', exitCodes.interrupted))
    expect((await run(words(`simulate retry-storm ${small}`), { signal })).code).toBe(130)
    const controller = new AbortController()
    const running = run(words('simulate retry-storm --clients 20 --duration 10m'), {
      signal: controller.signal,
      columns: 80,
      onError: () => controller.abort(new Stopped('interrupted', exitCodes.interrupted)),
    })
    expect(await running).toEqual({ code: 130, out: '', err: expect.not.stringContaining('closed') })
  })
})

describe('a scenario of a file', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lb-cli-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const write = (content: unknown): string => {
    const file = join(folder, 'scenario.json')
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  }

  it('does what its events say', async () => {
    const file = write({
      description: 'One of three fails, then dies.',
      loadBalancer: { outlierDetection: false, retry: false },
      events: [
        { at: 0.25, instances: [0], behaviour: { failureRatio: 1, failureTime: 1 } },
        { at: 0.5, instances: [0], action: 'crash' },
        { at: 0.6, instances: [0], action: 'unlist' },
        { at: 0.7, action: 'start', count: 2, behaviour: { slowdown: 2 } },
        { at: 0.8, registry: 'failing' },
      ],
    })
    const { code, out } = await run(words(`simulate ${file} ${small} -o json`))
    const { failures, events } = JSON.parse(out)
    expect(code).toBe(0)
    expect(failures).toMatchObject({ 'status 500': expect.any(Number), ECONNREFUSED: expect.any(Number) })
    expect(events['discovery-failed']).toBeGreaterThan(0)
    const hash = await hashOf(`simulate ${file}`)
    expect(await hashOf(`simulate ${file}`)).toBe(hash)
  })

  it.each<[unknown, string]>([
    ['{', 'is no JSON'],
    [[], 'must hold an object'],
    [{ event: [] }, 'must have no field event. Known are description, instance, loadBalancer, events'],
    [{ events: [{ at: 2 }] }, 'events[0].at must be a fraction of the duration, 0 to 1'],
    [{ events: [{ at: 0, instances: [0] }] }, 'events[0] must have a behaviour or an action'],
    [{ events: [{ at: 0, instances: [-1], action: 'crash' }] }, 'events[0].instances must be an array of numbers'],
    [{ events: [{ at: 0, instances: [0, 10], action: 'crash' }] }, 'events[0].instances must be below 10'],
    [{ events: [{ at: 0, instances: [0], action: 'explode' }] }, 'events[0].action must be one of start, crash'],
    [{ events: [{ at: 0, registry: 'gone' }] }, 'events[0].registry must be one of answering, failing, away'],
    [{ events: [{ at: 0, action: 'start', count: 0 }] }, 'events[0].count must be an integer'],
    [{ loadBalancer: { balancer: 'best' } }, 'balancer must be'],
    [{ instance: { speed: 1 } }, 'speed'],
  ])('is refused if it is %j', async (content, message) => {
    const { code, out, err } = await run(['simulate', write(content)])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/^lb: [^\n]+\n$/)
    expect(err).toContain(message)
  })

  it('is refused if it is not there', async () => {
    const { code, err } = await run(['simulate', join(folder, 'none.json')])
    expect(code).toBe(2)
    expect(err).toMatch(/cannot be read: ENOENT.*Check the path\n$/)
  })
})

describe('a recording', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lb-cli-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const calls = Array.from({ length: 200 }, (_, index) => ({
    call: 50 * index,
    service: 0,
    ms: index % 2 === 0 ? 400 : 20,
    attempts: [{ on: index % 2, ms: index % 2 === 0 ? 400 : 20, status: 200 }],
  }))
  const lines = [
    { recording: 'lb-traffic', version: 1 },
    { service: 0, name: 'users' },
    { instance: 0, service: 0, id: 'a', host: 'a', port: 1 },
    { instance: 1, service: 0, id: 'b', host: 'b', port: 1 },
    { at: 0, service: 0, added: [0, 1] },
    ...calls,
    { at: 10_000, end: 'stopped' },
  ].map((line) => JSON.stringify(line))

  const write = (content: readonly string[], name = 'traffic.jsonl'): string => {
    const file = join(folder, name)
    const text = `${content.join('\n')}\n`
    writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text)
    return file
  }

  it('is played with another balancer, beside what was recorded', async () => {
    const file = write(lines)
    const { code, out } = await run(['simulate', '--recording', file, '--balancer', 'peak-ewma'])
    expect(code).toBe(0)
    expect(out).toMatch(/^FIGURE +RECORDED +VALUE$/m)
    expect(out).toMatch(/^calls +200 +200$/m)
    const [, recorded = '', simulated = ''] = /^p50 +([\d.]+) ms +([\d.]+) ms$/m.exec(out) ?? []
    expect([recorded, simulated].map(Number)).toEqual([20, 20])
    expect(out).toContain('200 recorded calls of users.')
  })

  it('gives the hash of the simulator; packed by gzip too', async () => {
    const recording = await readRecording(lines.join('\n'))
    const { hash } = await simulate({
      recording,
      seed: 4,
      loadBalancer: { retry: false },
      instance: { concurrency: 2 },
    })
    for (const file of [write(lines), write(lines, 'traffic.jsonl.gz')]) {
      const argv = words('--seed 4 --no-retry --concurrency 2 --service users -o json')
      const { code, out } = await run(['simulate', '--recording', file, ...argv])
      expect(code).toBe(0)
      const { traffic: _traffic, ...figures } = { traffic: undefined, ...recording }
      expect(JSON.parse(out)).toMatchObject({ hash, recording: figures })
    }
  })

  it('may meet a scenario besides', async () => {
    const argv = [
      'simulate',
      'grey-failure',
      '--recording',
      write(lines),
      '--no-outlier-detection',
      '--no-retry',
      '-o',
      'json',
    ]
    const { code, out } = await run(argv)
    expect(code).toBe(0)
    expect(JSON.parse(out).failures).toMatchObject({ 'status 500': expect.any(Number) })
  })

  it('that is damaged is refused with the line', async () => {
    const cut = write([...lines.slice(0, 7), '{"call":1,"serv'])
    const { code, out, err } = await run(['simulate', '--recording', cut])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/^lb: the file .*traffic\.jsonl .*recording: line 8 must be JSON.*\n$/)
    const notPacked = join(folder, 'x.gz')
    writeFileSync(notPacked, 'text')
    for (const file of [join(folder, 'none'), join(folder, 'none.gz'), notPacked]) {
      const refused = await run(['simulate', '--recording', file])
      expect(refused.code).toBe(2)
      expect(refused.err).toMatch(/^lb: the file [^\n]+ cannot be read[^\n]*\n$/)
    }
  })

  it('that gzip would unpack to far more than it is, is refused before much of it is unpacked', async () => {
    const start = gzipSync(`${lines.slice(0, 5).join('\n')}\n`)
    const same = gzipSync(`${lines[5]}\n`.repeat(50_000))
    const file = join(folder, 'bomb.gz')
    writeFileSync(file, Buffer.concat([start, ...Array.from({ length: 100 }, () => same), Buffer.from('no gzip')]))
    const { code, err } = await run(['simulate', '--recording', file])
    expect(code).toBe(2)
    // Beyond it stands what cannot be unpacked, and would be named if it had been read.
    expect(err).toMatch(
      /bomb\.gz is no recording that can be used: recording must be at most 200 times as large as it is/,
    )
  })

  it('that is larger than any is refused before it is read', async () => {
    const file = join(folder, 'large.jsonl')
    writeFileSync(file, '')
    truncateSync(file, 2 ** 31)
    const { code, err } = await run(['simulate', '--recording', file])
    expect(code).toBe(2)
    expect(err).toMatch(/recording must be of at most 1073741824 bytes, got 2147483648/)
  })

  it.each([
    ['--clients 3', '--clients must be absent beside --recording'],
    ['--concurrency 0', '--concurrency must be an integer'],
    ['--service other', 'calls were recorded of "users"'],
  ])('takes no %s', async (flags, message) => {
    const { code, err } = await run(['simulate', '--recording', write(lines), ...words(flags)])
    expect(code).toBe(2)
    expect(err).toContain(message)
    expect((await run(words('simulate retry-storm --service users'))).err).toContain('--service needs --recording')
  })
})
