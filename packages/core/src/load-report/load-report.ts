import { checkKeys, checkNumber, rejectOption } from '../base/option-checks.ts'
import type { LoadReport } from '../instance/outcome.ts'

/** Name of the response header. */
export const loadReportHeader = 'endpoint-load-metrics'

/** Name of the request header that asks for it, with the value `text` or `json`. */
export const loadReportFormatHeader = 'endpoint-load-metrics-format'

/** A longer header is ignored. */
export const maxLoadReportLength = 4_096

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type NumberField = Exclude<keyof LoadReport, MapField>
type MapField = 'requestCost' | 'utilization' | 'namedMetrics'

const numberFields: Readonly<Record<NumberField, string>> = {
  cpuUtilization: 'cpu_utilization',
  memUtilization: 'mem_utilization',
  applicationUtilization: 'application_utilization',
  rpsFractional: 'rps_fractional',
  eps: 'eps',
}

const mapFields: Readonly<Record<MapField, string>> = {
  requestCost: 'request_cost',
  utilization: 'utilization',
  namedMetrics: 'named_metrics',
}

const numberFieldEntries = Object.entries(numberFields) as [NumberField, string][]
const mapFieldEntries = Object.entries(mapFields) as [MapField, string][]

/** By name in the header. JSON of protocol buffers is written with either form of name. */
const numberFieldOf: ReadonlyMap<string, NumberField> = new Map(
  numberFieldEntries.flatMap(([field, name]) => [
    [name, field],
    [field, field],
  ]),
)
const mapFieldOf: ReadonlyMap<string, MapField> = new Map(
  mapFieldEntries.flatMap(([field, name]) => [
    [name, field],
    [field, field],
  ]),
)

/** Visible ASCII but comma and equals sign, which would end the name. */
const namePattern = /^[!-+\--<>-~]+$/
const decimalPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/**
 * Reads an `endpoint-load-metrics` header: `TEXT cpu_utilization=0.3, rps_fractional=100, named_metrics.queue=2` or
 * `JSON {"cpu_utilization": 0.3}`. In `TEXT` a colon may stand for the equals sign. (The published form has the equals
 * sign; Envoy takes both, its first versions only the colon.)
 *
 * `undefined`: not understood. One bad part spoils all of it, since half a report would lead to a wrong weight: a name
 * that is unknown or occurs twice, a number that is negative or not finite, more than 4 KiB. Never throws.
 */
export function parseLoadReport(header: string): LoadReport | undefined {
  if (typeof header !== 'string' || header.length > maxLoadReportLength) return undefined
  if (header.startsWith('TEXT ')) return parseText(header.slice(5))
  if (header.startsWith('JSON ')) return parseJson(header.slice(5))
  return undefined
}

/**
 * Writes the header for a response, in the `TEXT` form. Metrics that are absent or `undefined` are left out; `undefined`
 * when that leaves nothing to say.
 *
 * @throws InvalidOptionError A number is negative or not finite, a name holds something else than visible ASCII without
 * comma and equals sign, or the header would be longer than 4 KiB and so be ignored.
 */
export function formatLoadReport(report: LoadReport): string | undefined {
  checkKeys('loadReport', report, [...Object.keys(numberFields), ...Object.keys(mapFields)])
  const parts: string[] = []
  const add = (path: string, name: string, value: number | undefined): void => {
    if (value === undefined) return
    checkNumber(path, value, 0, Number.MAX_VALUE)
    parts.push(`${name}=${value}`)
  }
  for (const [field, name] of numberFieldEntries) add(`loadReport.${field}`, name, report[field])
  for (const [field, name] of mapFieldEntries) {
    for (const [key, value] of Object.entries(report[field] ?? {})) {
      const path = `loadReport.${field}.${key}`
      if (!namePattern.test(key)) rejectOption(path, 'named by visible ASCII without "," and "="', key)
      add(path, `${name}.${key}`, value)
    }
  }
  if (parts.length === 0) return undefined
  const header = `TEXT ${parts.join(',')}`
  if (header.length > maxLoadReportLength) {
    rejectOption('loadReport', `at most ${maxLoadReportLength} characters as a header`, header, 'Name fewer metrics')
  }
  return header
}

function parseText(text: string): LoadReport | undefined {
  const builder = new ReportBuilder()
  for (const part of text.split(',')) {
    const metric = part.trim()
    // RFC 9110 section 5.6.1: empty members of a list are ignored.
    if (metric === '') continue
    // The last separator: a number holds none, a name such as `vllm:queue` may.
    const end = Math.max(metric.lastIndexOf('='), metric.lastIndexOf(':'))
    if (end < 0) return undefined
    const name = metric.slice(0, end).trimEnd()
    const digits = metric.slice(end + 1).trimStart()
    if (!decimalPattern.test(digits) || !addTextMetric(builder, name, Number(digits))) return undefined
  }
  return builder.report
}

function addTextMetric(builder: ReportBuilder, name: string, value: number): boolean {
  // In text the names have one form only.
  const field = numberFieldOf.get(name)
  if (field !== undefined) return numberFields[field] === name && builder.add(field, value)
  const dot = name.indexOf('.')
  if (dot < 0) return false
  const prefix = name.slice(0, dot)
  const map = mapFieldOf.get(prefix)
  return map !== undefined && mapFields[map] === prefix && builder.addTo(map, name.slice(dot + 1), value)
}

function parseJson(text: string): LoadReport | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const builder = new ReportBuilder()
  let members = 0
  for (const [name, metric] of Object.entries(value)) {
    members++
    const map = mapFieldOf.get(name)
    if (map !== undefined) {
      if (!isRecord(metric) || !builder.open(map)) return undefined
      for (const [key, entry] of Object.entries(metric)) {
        members++
        if (!builder.addTo(map, key, entry)) return undefined
      }
      continue
    }
    const field = numberFieldOf.get(name)
    if (field === undefined || !builder.add(field, metric)) return undefined
  }
  // `JSON.parse` keeps the last of two members with one name. Each has a colon outside of strings; nothing else has.
  const colons = text.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1
  return colons === members ? builder.report : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Collects metrics. Each method says whether the metric may be there. */
class ReportBuilder {
  readonly #report: Mutable<LoadReport> = {}
  readonly #opened = new Set<MapField>()
  #empty = true

  get report(): LoadReport | undefined {
    return this.#empty ? undefined : this.#report
  }

  add(field: NumberField, value: unknown): boolean {
    if (!isMetric(value) || this.#report[field] !== undefined) return false
    // Adding 0 makes 0 of −0.
    this.#report[field] = value + 0
    this.#empty = false
    return true
  }

  /** A map may be written once. */
  open(field: MapField): boolean {
    if (this.#opened.has(field)) return false
    this.#opened.add(field)
    return true
  }

  addTo(field: MapField, key: string, value: unknown): boolean {
    if (!isMetric(value) || !namePattern.test(key)) return false
    // Without a prototype any key is only a key.
    const metrics = (this.#report[field] ?? Object.create(null)) as Record<string, number>
    if (metrics[key] !== undefined) return false
    metrics[key] = value + 0
    this.#report[field] = metrics
    this.#empty = false
    return true
  }
}

function isMetric(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY
}
