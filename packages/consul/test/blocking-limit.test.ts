import { parseInstance } from '@lb/core'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsulDiscovery } from '../src/index.ts'
import { discoveryOn, entries, LoopbackAgent, type Question } from './loopback-agent.ts'

let agent: LoopbackAgent
let clock: FakeClock
let discovery: ConsulDiscovery
/** The port of each service's only instance. */
let ports: Record<string, number>

const serviceOf = ({ path }: Question): string => path.split('/').at(-1) ?? ''
const isBlocking = ({ query }: Question): boolean => query.index !== undefined

beforeEach(async () => {
  agent = await LoopbackAgent.start()
  clock = new FakeClock()
  ports = {}
  agent.onQuestion = (question) =>
    isBlocking(question) ? undefined : { index: 7, body: entries(ports[serviceOf(question)] ?? 1) }
  discovery = discoveryOn(agent, { clock, maxBlockingQueries: 2, pollIntervalMs: 5_000 })
})

afterEach(async () => {
  await discovery.close()
  await agent.close()
})

const blocked = (): string[] => agent.questions.filter(isBlocking).map(serviceOf).sort()
const latest = (notes: Notes): number | undefined => notes.lists.at(-1)?.map((init) => parseInstance(init).port)[0]

async function watchThree(): Promise<{ notes: Notes[]; close: (() => void)[] }> {
  const notes = [new Notes(), new Notes(), new Notes()]
  const close = notes.map((observer, index) => {
    const subscription = discovery.watch(`s${index}`, observer)
    return () => subscription.close()
  })
  await vi.waitFor(() => {
    for (const observer of notes) expect(observer.lists).toHaveLength(1)
    expect(blocked()).toEqual(['s0', 's1'])
  })
  return { notes, close }
}

describe('watches beyond the limit of blocking queries', () => {
  it('are polled, and told changes within the interval', async () => {
    const { notes } = await watchThree()
    expect(agent.openConnections).toBeLessThanOrEqual(3)
    ports.s2 = 9
    await clock.advance(5_000)
    await vi.waitFor(() => expect(notes.map(latest)).toEqual([1, 1, 9]))
    // Nothing changed: asked for, and not told again.
    await clock.advance(5_000)
    await vi.waitFor(() => expect(agent.questions.filter((question) => serviceOf(question) === 's2')).toHaveLength(3))
    expect(notes[2]?.lists).toHaveLength(2)
    expect(blocked()).toEqual(['s0', 's1'])
  })

  it('take the place of one that is closed', async () => {
    const { close } = await watchThree()
    close[0]?.()
    await clock.advance(5_000)
    await vi.waitFor(() => expect(blocked()).toEqual(['s0', 's1', 's2']))
  })

  it('take the place of one whose agent failed', async () => {
    const { notes } = await watchThree()
    agent.questions.find((question) => serviceOf(question) === 's1' && isBlocking(question))?.response.destroy()
    await vi.waitFor(() => expect(notes[1]?.errors).toHaveLength(1))
    await clock.advance(5_000)
    await vi.waitFor(() => expect(blocked().length).toBeGreaterThan(2))
    await clock.advance(10_000)
    // Two at a time, whoever they are.
    const open = (): Question[] =>
      agent.questions.filter((question) => isBlocking(question) && !question.response.destroyed)
    await vi.waitFor(() => expect(open()).toHaveLength(2))
  })

  it('are all watches when there is to be no blocking query', async () => {
    discovery = discoveryOn(agent, { clock, maxBlockingQueries: 0, pollIntervalMs: 5_000 })
    const notes = new Notes()
    discovery.watch('s0', notes)
    await vi.waitFor(() => expect(latest(notes)).toBe(1))
    ports.s0 = 9
    await clock.advance(5_000)
    await vi.waitFor(() => expect(latest(notes)).toBe(9))
    expect(blocked()).toEqual([])
  })
})
