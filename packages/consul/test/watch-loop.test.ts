import { parseInstance } from '@lb/core'
import { FakeClock, Notes, seededRandom } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsulDiscovery } from '../src/index.ts'
import { type Answer, discoveryOn, entries, LoopbackAgent } from './loopback-agent.ts'

let agent: LoopbackAgent
let clock: FakeClock
let discovery: ConsulDiscovery
let notes: Notes

beforeEach(async () => {
  agent = await LoopbackAgent.start()
  clock = new FakeClock()
  notes = new Notes()
  discovery = discoveryOn(agent, { clock, random: seededRandom(1) })
})

afterEach(async () => {
  await discovery.close()
  await agent.close()
})

const questions = (count: number): Promise<void> =>
  vi.waitFor(() => expect(agent.questions.length).toBeGreaterThanOrEqual(count))

/** Watches while these answers are given, and until the question after them has come. */
async function watchThrough(...answers: Answer[]): Promise<void> {
  agent.script(...answers)
  discovery.watch('web', notes)
  for (let count = 1; count <= answers.length + 1; count++) {
    await questions(count)
    // The limiter of the loop; far less than any time limit.
    if (count <= answers.length) await clock.advance(2_000)
  }
}

const portsTold = (): number[][] => notes.lists.map((list) => list.map((init) => parseInstance(init).port))

describe('the loop of blocking queries', () => {
  it('asks without an index first, then waits for what comes after the last one', async () => {
    await watchThrough({ index: 12, body: entries(1) }, { index: 13, body: entries(1, 2) })
    expect(agent.indexes).toEqual([undefined, '12', '13'])
    expect(agent.questions.map(({ query }) => query.wait)).toEqual([undefined, '50000ms', '50000ms'])
    expect(portsTold()).toEqual([[1], [1, 2]])
  })

  it('starts again when the index goes backwards, and tells the list all the same', async () => {
    await watchThrough({ index: 12, body: entries(1) }, { index: 5, body: entries(2) }, { index: 5, body: entries(2) })
    expect(agent.indexes).toEqual([undefined, '12', undefined, '5'])
    expect(portsTold()).toEqual([[1], [2]])
  })

  it('waits for 1 when the index is 0', async () => {
    await watchThrough({ index: 0, body: entries(1) }, { index: 0, body: entries(2) })
    expect(agent.indexes).toEqual([undefined, '1', '1'])
    expect(portsTold()).toEqual([[1], [2]])
  })

  it('keeps every digit of an index', async () => {
    await watchThrough({ index: '9007199254740993', body: entries(1) })
    expect(agent.indexes).toEqual([undefined, '9007199254740993'])
  })

  it('asks without an index again when the answer has none that can be read', async () => {
    await watchThrough({ body: entries(1) }, { index: 'x', body: entries(2) })
    expect(agent.indexes).toEqual([undefined, undefined, undefined])
    expect(portsTold()).toEqual([[1], [2]])
  })

  it('tells the same list once, in whatever order it comes', async () => {
    await watchThrough(
      { index: 1, body: entries(1, 2) },
      { index: 1, body: entries(1, 2) },
      { index: 2, body: entries(2, 1) },
    )
    expect(portsTold()).toEqual([[1, 2]])
  })

  it('tells an empty list, which the registry knows', async () => {
    await watchThrough({ index: 1, body: entries(1) }, { index: 2, body: [] })
    expect(portsTold()).toEqual([[1], []])
  })

  it('is limited when every answer is a change, after two that are not held up', async () => {
    let index = 0
    agent.onQuestion = () => ({ index: ++index, body: entries(index) })
    discovery.watch('web', notes)
    // As on a real clock, on which answers take some milliseconds.
    for (let turn = 0; turn < 20; turn++) {
      await clock.advance(5)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await vi.waitFor(() => expect(agent.questions).toHaveLength(3))
    expect(portsTold()).toEqual([[1], [2], [3]])
    for (let turn = 0; turn < 60; turn++) {
      await clock.advance(1_000)
      const { length } = agent.questions
      await vi.waitFor(() => expect(notes.lists).toHaveLength(length))
    }
    // Once a second for 15 s, then in a fifteenth of the time that is over: 15 · (1 + ln 4) turns.
    expect(agent.questions.length).toBeGreaterThanOrEqual(3 + 34)
    expect(agent.questions.length).toBeLessThanOrEqual(3 + 37)
    expect(notes.errors).toEqual([])
  })

  it('gives up a query that hangs for longer than the agent ever waits, and asks again', async () => {
    agent.script({ index: 7, body: entries(1) })
    discovery.watch('web', notes)
    await questions(2)
    // 50 s, a sixteenth more, and 5 s for the answer.
    await clock.advance(50_000 + 3_125 + 5_000 - 1)
    expect([agent.questions.length, notes.errors.length]).toEqual([2, 0])
    await clock.advance(1)
    await vi.waitFor(() => expect(notes.errors).toHaveLength(1))
    expect(notes.errors[0]).toMatchObject({ code: 'LB_DISCOVERY' })
    expect(String(notes.errors[0])).toContain('no answer within 58125 ms')
    await clock.advance(500)
    await questions(3)
    expect(agent.indexes).toEqual([undefined, '7', undefined])
    expect(agent.openConnections).toBe(1)
    expect(portsTold()).toEqual([[1]])
  })
})
