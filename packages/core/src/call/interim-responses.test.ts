import { describe, expect, it } from 'vitest'
import { InterimResponses } from './interim-responses.ts'

describe('InterimResponses', () => {
  it('takes 100 small ones, and no more', () => {
    const interim = new InterimResponses()
    for (let number = 1; number <= 100; number++) expect(interim.add(['link', '</style.css>'])).toBe(true)
    expect(interim.add([])).toBe(false)
  })

  it('takes 64 KiB of fields together, and no more', () => {
    const interim = new InterimResponses()
    expect(interim.add(['link', new Uint8Array(32_764)])).toBe(true)
    expect(interim.add(['link', new Uint8Array(32_764)])).toBe(true)
    expect(interim.add(['x'])).toBe(false)
  })
})
