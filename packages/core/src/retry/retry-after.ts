/** Longest delay taken from a `Retry-After`, in milliseconds: a day. */
export const maxRetryAfterMs = 86_400_000

/**
 * Milliseconds that a response asks to wait, in [0, `maxRetryAfterMs`]. `undefined`: it does not say, or not so that it
 * can be understood.
 *
 * `value` is its `Retry-After`: seconds, or a date. A date is compared with the response's own `Date`, given as `date`,
 * so that a wrong clock on either side does no harm; without that it means nothing.
 *
 * Source: RFC 9110 sections 10.2.3 and 5.6.7.
 */
export function parseRetryAfter(value: string | null | undefined, date: string | null | undefined): number | undefined {
  const asked = trimmed(value)
  if (asked === undefined) return undefined
  if (/^\d+$/.test(asked)) return Math.min(Number(asked) * 1_000, maxRetryAfterMs)
  const sent = parseHttpDate(trimmed(date), assumedYear)
  if (sent === undefined) return undefined
  const until = parseHttpDate(asked, sent.year)
  if (until === undefined) return undefined
  return Math.min(Math.max(0, until.seconds - sent.seconds) * 1_000, maxRetryAfterMs)
}

interface HttpDate {
  /** Since some time before the year 1: only differences mean something. */
  readonly seconds: number
  readonly year: number
}

/** Longer than any of the forms is: not worth a look. */
const maxLength = 64

/** Where a year of two digits is looked for when nothing says which century: within 50 years of this one. */
const assumedYear = 2_025

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const monthPattern = `(?<month>${monthNames.join('|')})`
const timePattern = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`
const shortDay = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const longDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'

/** IMF-fixdate, and the two obsolete forms that a recipient must understand: RFC 850's, and that of C's `asctime`. */
const forms: readonly RegExp[] = [
  new RegExp(String.raw`^${shortDay}, (?<day>\d\d) ${monthPattern} (?<year>\d{4}) ${timePattern} GMT$`),
  new RegExp(String.raw`^${longDay}, (?<day>\d\d)-${monthPattern}-(?<year>\d\d) ${timePattern} GMT$`),
  new RegExp(String.raw`^${shortDay} ${monthPattern} (?<day>[ \d]\d) ${timePattern} (?<year>\d{4})$`),
]

function trimmed(value: string | null | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > maxLength) return undefined
  return value.replace(/^[ \t]+|[ \t]+$/g, '')
}

function parseHttpDate(value: string | undefined, nearYear: number): HttpDate | undefined {
  if (value === undefined) return undefined
  const groups = forms.map((form) => form.exec(value)?.groups).find((found) => found !== undefined)
  if (groups === undefined) return undefined
  const { year: written = '', month = '' } = groups
  const year = written.length === 2 ? nearestYear(Number(written), nearYear) : Number(written)
  const monthIndex = monthNames.indexOf(month)
  const [day, hour, minute, second] = numbers(groups)
  // Second 60 is a leap second.
  if (day < 1 || day > daysIn(year, monthIndex) || hour > 23 || minute > 59 || second > 60) return undefined
  const days = daysBeforeMonth(year, monthIndex) + day
  return { seconds: ((days * 24 + hour) * 60 + minute) * 60 + second, year }
}

function numbers({ day, hour, minute, second }: Record<string, string | undefined>): [number, number, number, number] {
  return [Number(day), Number(hour), Number(minute), Number(second)]
}

/** The year with these last two digits that is not more than 50 years after `nearYear`, and less than 50 before it. */
function nearestYear(lastDigits: number, nearYear: number): number {
  const earliest = nearYear - 49
  return earliest + ((((lastDigits - earliest) % 100) + 100) % 100)
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function daysIn(year: number, monthIndex: number): number {
  if (monthIndex === 11) return 31
  const length = (daysBefore[monthIndex + 1] ?? 0) - (daysBefore[monthIndex] ?? 0)
  return monthIndex === 1 && isLeap(year) ? length + 1 : length
}

/** Days from 0001-01-01 to the first of the month. */
function daysBeforeMonth(year: number, monthIndex: number): number {
  const past = year - 1
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400)
  const leapDayPassed = monthIndex > 1 && isLeap(year) ? 1 : 0
  return past * 365 + leapDays + (daysBefore[monthIndex] ?? 0) + leapDayPassed
}
