import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { FaultFigures, FaultResult } from '../src/fault-result.ts'
import { promisesOf } from '../src/promises.ts'
import { brokenPromises, faultLines, jsonDocument, markdown, table } from '../src/report.ts'
import { faultNamed, figures } from './figures.ts'

function result(changes: Partial<FaultFigures> = {}): FaultResult {
  const given = figures(changes)
  const promises = promisesOf(faultNamed(given.name), given)
  return { ...given, ok: promises.every(({ kept }) => kept), promises }
}

const kept = result()
const broke = result({ name: 'slow', failed: 2, errors: { ECONNRESET: 2 } })
const pipe = new PassThrough() as unknown as NodeJS.WriteStream
const ejection = { instance: 'b', reason: 'no-answer', enforced: true, forMs: 28_900, afterMs: 740 }

describe('table', () => {
  it('aligns its columns and names what is broken', () => {
    const lines = table([kept, broke], pipe).trimEnd().split('\n')
    expect(new Set(lines.map(({ length }) => length)).size).toBe(1)
    expect(lines[1]).toMatch(/^sigkill +5000 +0 +6\.1 +20\.4 +6\.0 +12\.0 +50 +0\.3 +25\.0 +ok$/)
    expect(lines[2]).toMatch(/^slow +5000 +2 .* BROKEN$/)
  })

  it('has a dash for what did not happen', () => {
    const { awayMs: _, backMs: __, ...never } = kept
    expect(table([never], pipe)).toMatch(/ 50 +– +– +ok\n$/)
  })

  it('has no colour on a pipe', () => {
    expect(table([kept, broke], pipe)).not.toContain('\u001b')
  })
})

describe('faultLines', () => {
  it('marks each promise, with what was measured, and tells the ejections', () => {
    const text = faultLines({ ...broke, ejections: [{ ...ejection, returnedAfterMs: 29_700 }] }, pipe)
    expect(text).toContain('✘ no idempotent request fails (2 of 5000: 2 ECONNRESET)')
    expect(text).toContain('✔ it has its share again')
    expect(text).toContain('ejected: b at 0.7 s (no-answer, for 28.9 s, returned at 29.7 s)')
  })

  it('shortens a long list of ejections', () => {
    const text = faultLines({ ...kept, ejections: Array.from({ length: 8 }, () => ejection) }, pipe)
    expect(text).toContain('; 3 more')
  })
})

describe('brokenPromises', () => {
  it('names the fault', () => {
    expect(brokenPromises([kept, broke])).toEqual(['slow: no idempotent request fails (2 of 5000: 2 ECONNRESET)'])
  })
})

describe('markdown', () => {
  it('has a row for each fault, with as many cells as columns, and every promise', () => {
    const text = markdown([kept, broke], 'http', false)
    const rows = text.split('\n').filter((line) => line.startsWith('|'))
    expect(rows.length).toBe(4)
    expect(new Set(rows.map((row) => row.split('|').length)).size).toBe(1)
    expect(text).toContain('- ✘ no idempotent request fails: 2 of 5000: 2 ECONNRESET')
    expect(text).toContain('`pnpm chaos --write`')
  })
})

describe('jsonDocument', () => {
  it('is JSON with everything', () => {
    expect(JSON.parse(jsonDocument([kept, broke], false))).toMatchObject({ ok: false, faults: [{ ok: true }, {}] })
  })
})
