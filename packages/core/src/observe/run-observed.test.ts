import { describe, expect, it } from 'vitest'
import { runObserved } from './run-observed.ts'

/** Runs an attempt within `run`: what it gave, how often it ran, and what the observer failed with. */
function ran(run: (attempt: () => unknown) => unknown, attempt = (): unknown => 'value'): unknown[] {
  let times = 0
  const failures: unknown[] = []
  const counted = (): unknown => {
    times++
    return attempt()
  }
  const observation = { run: run as <T>(attempt: () => T) => T, end: () => {} }
  return [runObserved(observation, counted, (error) => failures.push(error)), times, failures.map(String)]
}

describe('runObserved', () => {
  it.each([
    ['passes it on', (attempt: () => unknown) => attempt(), []],
    ['gives something else', (attempt: () => unknown) => [attempt()], []],
    ['calls it twice', (attempt: () => unknown) => [attempt(), attempt()], []],
    ['never calls it', () => 1, ['Error: the observer did not call the attempt']],
  ])('runs the attempt once, and gives what it gave, when the observer %s', (_name, run, failures) => {
    expect(ran(run)).toEqual(['value', 1, failures])
  })

  it('runs the attempt once when the observer throws before or after it', () => {
    const broken = (): never => {
      throw new Error('observer')
    }
    expect(ran(broken)).toEqual(['value', 1, ['Error: observer']])
    expect(ran((attempt) => [attempt(), broken()])).toEqual(['value', 1, ['Error: observer']])
  })

  it('throws what the attempt threw, which is no failure of the observer', () => {
    const failed = new Error('attempt')
    const failures: unknown[] = []
    const observation = { run: <T>(attempt: () => T): T => attempt(), end: () => {} }
    const attempt = (): never => {
      throw failed
    }
    expect(() => runObserved(observation, attempt, (error) => failures.push(error))).toThrow(failed)
    expect(failures).toEqual([])
  })
})
