import { loadReportHeader } from '@lb/core'
import type { RawFields } from './caller-handler.ts'

/** What the header of an answer says to us. */
export interface AnswerFields {
  /** How many fields there are. */
  readonly count: number
  /** NaN when it is not told. */
  readonly contentLength: number
  readonly retryAfter: string | undefined
  readonly date: string | undefined
  readonly loadReport: string | undefined
}

type FieldValue = string | readonly string[] | undefined

interface AnswerRecord {
  readonly [name: string]: FieldValue
  readonly date?: FieldValue
}

/** From a header as undici parses it. */
export function fieldsOfRecord(headers: AnswerRecord, count: number, statusCode: number): AnswerFields {
  const asks = mayAskToWait(statusCode)
  return {
    count,
    contentLength: lengthOf(single(headers['content-length'])),
    retryAfter: asks ? single(headers['retry-after']) : undefined,
    date: asks ? single(headers.date) : undefined,
    loadReport: single(headers[loadReportHeader]),
  }
}

/** From a header as the parser of undici finds it. */
export function fieldsOfRaw(headers: readonly Buffer[], statusCode: number): AnswerFields {
  const asks = mayAskToWait(statusCode)
  let contentLength = Number.NaN
  let retryAfter: string | undefined
  let date: string | undefined
  let loadReport: string | undefined
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as Buffer
    // By length first: few of the names have to be read.
    switch (name.length) {
      case 14:
        if (isNamed(name, 'content-length')) contentLength = lengthOf(text(headers[index + 1]))
        break
      case loadReportHeader.length:
        if (isNamed(name, loadReportHeader)) loadReport = text(headers[index + 1])
        break
      case 11:
        if (asks && isNamed(name, 'retry-after')) retryAfter = text(headers[index + 1])
        break
      case 4:
        if (asks && isNamed(name, 'date')) date = text(headers[index + 1])
        break
      default:
    }
  }
  return { count: headers.length / 2, contentLength, retryAfter, date, loadReport }
}

/** How many fields there are in the form that the transport has them in: names and values by turns, or a record. */
export function countOf(fields: RawFields): number {
  if (fields === null) return 0
  return Array.isArray(fields) ? fields.length / 2 : Object.keys(fields).length
}

/** Names and values by turns, in whatever form they came. */
export function listed(fields: RawFields): Iterable<{ readonly length: number }> {
  if (fields === null) return []
  return Array.isArray(fields) ? fields : Object.entries(fields).flatMap(([name, value]) => [name, value ?? ''])
}

/** The place of `Location` among fields that are names and values by turns; -1 when there is none. */
export function placeOfLocation(fields: readonly (Buffer | string)[]): number {
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as Buffer | string
    if (name.length === 8 && name.toString().toLowerCase() === 'location') return index + 1
  }
  return -1
}

function mayAskToWait(statusCode: number): boolean {
  return statusCode >= 500 || statusCode === 429
}

function isNamed(name: Buffer, lowerCase: string): boolean {
  const found = name.toString('latin1')
  return found === lowerCase || found.toLowerCase() === lowerCase
}

function text(value: Buffer | undefined): string | undefined {
  return value?.toString('latin1')
}

function single(value: FieldValue): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function lengthOf(value: string | undefined): number {
  return value === undefined ? Number.NaN : Number(value)
}
