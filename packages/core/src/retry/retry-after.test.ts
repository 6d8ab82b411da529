import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maxRetryAfterMs, parseRetryAfter } from './retry-after.ts'

const shortDays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const longDays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** The three forms of RFC 9110 section 5.6.7, by way of `Date`. */
function forms(timeMs: number): { fixdate: string; rfc850: string; asctime: string } {
  const date = new Date(timeMs)
  const fixdate = date.toUTCString()
  const [day = '', month = '', year = '', time = ''] = fixdate.slice(5).split(' ')
  const weekday = date.getUTCDay()
  return {
    fixdate,
    rfc850: `${longDays[weekday]}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
    asctime: `${shortDays[weekday]} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`,
  }
}

const sent = 'Sun, 06 Nov 1994 08:49:37 GMT'

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    ['  7\t', 7_000],
    ['7 \t', 7_000],
    ['7'.padStart(64, '0'), 7_000],
    ['007', 7_000],
    ['86400', 86_400_000],
  ])('takes %j for seconds', (value, expected) => {
    expect(parseRetryAfter(value, undefined)).toBe(expected)
    expect(parseRetryAfter(value, 'garbage')).toBe(expected)
  })

  it.each(['86401', '1000000000', '9'.repeat(40), 'Fri, 31 Dec 9999 23:59:59 GMT'])('takes %s for a day', (value) => {
    expect(parseRetryAfter(value, sent)).toBe(maxRetryAfterMs)
  })

  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sun, 06 Nov 1994 08:50:00 GMT', 23_000],
    ['Sunday, 06-Nov-94 09:49:37 GMT', 3_600_000],
    ['Sun Nov  6 08:49:38 1994', 1_000],
    ['Sun Nov 06 08:49:38 1994', 1_000],
    ['Sun, 06 Nov 1994 08:49:60 GMT', 23_000],
  ])('takes %j for the time since the response was sent', (value, expected) => {
    for (const date of Object.values(forms(Date.parse(sent)))) expect(parseRetryAfter(value, date)).toBe(expected)
  })

  it('takes a date that has passed for now', () => {
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:36 GMT', sent)).toBe(0)
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:00 GMT', sent)).toBe(0)
  })

  it('reads no clock: a date without the response’s own says nothing', () => {
    for (const date of [undefined, null, '', 'yesterday', '120']) expect(parseRetryAfter(sent, date)).toBeUndefined()
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['no number', ''],
    ['a negative number', '-1'],
    ['a sign', '+1'],
    ['a fraction', '1.5'],
    ['an exponent', '1e3'],
    ['hexadecimal', '0x10'],
    ['infinity', 'Infinity'],
    ['a unit', '5s'],
    ['other digits', '１２'],
    ['two values', '120, 120'],
    ['a line of its own', '1\n'],
    ['no date', 'soon'],
    ['a date of no calendar', 'Sun, 31 Feb 1994 08:49:37 GMT'],
    ['29 February of a common year', 'Thu, 29 Feb 1900 08:49:37 GMT'],
    ['day 0', 'Sun, 00 Nov 1994 08:49:37 GMT'],
    ['day 32', 'Sat, 32 Dec 1994 08:49:37 GMT'],
    ['hour 24', 'Sun, 06 Nov 1994 24:00:00 GMT'],
    ['minute 60', 'Sun, 06 Nov 1994 08:60:37 GMT'],
    ['second 61', 'Sun, 06 Nov 1994 08:49:61 GMT'],
    ['another zone', 'Sun, 06 Nov 1994 08:49:37 CET'],
    ['an offset', 'Sun, 06 Nov 1994 08:49:37 +0100'],
    ['ISO 8601', '1994-11-06T08:49:37Z'],
    ['a day without its zero', 'Sun, 6 Nov 1994 08:49:37 GMT'],
    ['an unknown month', 'Sun, 06 Nox 1994 08:49:37 GMT'],
    ['an unknown day', 'Son, 06 Nov 1994 08:49:37 GMT'],
    ['something after it', `${sent} x`],
    ['a number', 120 as unknown as string],
    ['a list', ['120'] as unknown as string],
  ])('does not understand %s', (_name, value) => {
    expect(parseRetryAfter(value, sent)).toBeUndefined()
  })

  it('does not look at what is much too long', () => {
    expect(parseRetryAfter('1'.repeat(1e6), sent)).toBeUndefined()
    expect(parseRetryAfter(' '.repeat(1e6), sent)).toBeUndefined()
    expect(parseRetryAfter('7'.padStart(65, '0'), sent)).toBeUndefined()
  })

  it('finds the century of a year with two digits from the date of the response', () => {
    const at = (value: string, date: string): number | undefined => parseRetryAfter(value, date)
    expect(at('Saturday, 01-Jan-00 00:00:10 GMT', 'Fri, 31 Dec 1999 23:59:59 GMT')).toBe(11_000)
    expect(at('Friday, 01-Jan-00 00:00:10 GMT', 'Thu, 31 Dec 2099 23:59:59 GMT')).toBe(11_000)
    // 50 years later is the future, 51 are 49 years ago.
    expect(at('Friday, 01-Jan-44 00:00:00 GMT', sent)).toBe(maxRetryAfterMs)
    expect(at('Sunday, 01-Jan-45 00:00:00 GMT', sent)).toBe(0)
  })

  it.each([1900, 1999, 2000, 2023, 2024, 2100])('agrees with Date on the ends of months of %d', (year) => {
    for (let month = 0; month < 12; month++) {
      const end = Date.UTC(year, month + 1, 1)
      for (const [from, to] of [
        [end - 3_600_000, end + 3_600_000],
        [end - 90_000_000, end - 3_600_000],
        [end, end + 3_600_000],
      ] as const) {
        expect(parseRetryAfter(forms(to).fixdate, forms(from).fixdate)).toBe(Math.min(to - from, maxRetryAfterMs))
      }
    }
  })

  it('agrees with Date on every form of any two dates', () => {
    const last = Date.UTC(9_999, 11, 31, 23, 59, 59) / 1_000
    const first = -62_135_596_800
    const form = fc.constantFrom('fixdate' as const, 'asctime' as const)
    fc.assert(
      fc.property(
        fc.integer({ min: first, max: last }),
        fc.integer({ min: -100_000, max: 100_000 }),
        form,
        form,
        (start, offset, sentForm, askedForm) => {
          const end = Math.min(Math.max(start + offset, first), last)
          const parsed = parseRetryAfter(forms(end * 1_000)[askedForm], forms(start * 1_000)[sentForm])
          expect(parsed).toBe(Math.min(Math.max(0, end - start) * 1_000, maxRetryAfterMs))
        },
      ),
      { seed: 20_240_607, numRuns: 3_000 },
    )
  })

  it('agrees with Date on the form of RFC 850 around our time', () => {
    const first = Date.UTC(1977, 0, 1) / 1_000
    const last = Date.UTC(2074, 0, 1) / 1_000
    fc.assert(
      fc.property(
        fc.integer({ min: first, max: last }),
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.constantFrom('fixdate' as const, 'rfc850' as const),
        (start, offset, sentForm) => {
          const parsed = parseRetryAfter(forms((start + offset) * 1_000).rfc850, forms(start * 1_000)[sentForm])
          expect(parsed).toBe(Math.min(Math.max(0, offset) * 1_000, maxRetryAfterMs))
        },
      ),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })

  it('gives nothing or a delay it may give, whatever it is given', () => {
    const near = fc
      .tuple(fc.constantFrom(...Object.values(forms(Date.parse(sent)))), fc.nat(40), fc.string({ maxLength: 3 }))
      .map(([text, at, insert]) => text.slice(0, at) + insert + text.slice(at + insert.length))
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), fc.oneof(fc.constant(sent), near), (value, date) => {
        const delayMs = parseRetryAfter(value, date)
        if (delayMs === undefined) return
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(maxRetryAfterMs)
        expect(delayMs % 1_000).toBe(0)
      }),
      { seed: 20_240_607, numRuns: 2_000 },
    )
  })
})
