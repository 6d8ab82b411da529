import type { LoadReport } from '@lb/core'

/** Name of the trailer. */
export const loadReportTrailer = 'endpoint-load-metrics-bin'

/** A longer report is ignored. */
const maxBytes = 4_096

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/** Fields of `xds.data.orca.v3.OrcaLoadReport` that hold one number; `rps`, of the first version, is a varint. */
const doubles: ReadonlyMap<
  number,
  'cpuUtilization' | 'memUtilization' | 'rpsFractional' | 'eps' | 'applicationUtilization'
> = new Map([
  [1, 'cpuUtilization'],
  [2, 'memUtilization'],
  [6, 'rpsFractional'],
  [7, 'eps'],
  [9, 'applicationUtilization'],
])

/** Those that hold a map of numbers. */
const maps: ReadonlyMap<number, 'requestCost' | 'utilization' | 'namedMetrics'> = new Map([
  [4, 'requestCost'],
  [5, 'utilization'],
  [8, 'namedMetrics'],
])

/**
 * Reads the load report of a trailer. Fields that are not known are passed over, as protocol buffers have it.
 *
 * `undefined`: not understood, empty, or above 4 KiB. One bad number spoils all of it, since half a report would lead to a wrong
 * weight. Never throws.
 *
 * Source: `xds/data/orca/v3/orca_load_report.proto`; the encoding of protocol buffers.
 */
export function decodeLoadReport(bytes: Uint8Array): LoadReport | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0 || bytes.length > maxBytes) return undefined
  try {
    const report: Mutable<LoadReport> = {}
    for (const { field, value } of fieldsOf(bytes)) {
      const double = doubles.get(field)
      const map = maps.get(field)
      if (double !== undefined) report[double] = metric(value)
      else if (map !== undefined) {
        const entries: Record<string, number> = report[map] ?? Object.create(null)
        const [name, number] = entryOf(value)
        entries[name] = number
        report[map] = entries
      }
    }
    return Object.keys(report).length === 0 ? undefined : report
  } catch {
    return undefined
  }
}

type Value = number | Uint8Array

function entryOf(value: Value): readonly [string, number] {
  if (typeof value === 'number') throw new RangeError('a map that is none')
  let name = ''
  let number = 0
  for (const each of fieldsOf(value)) {
    if (each.field === 1 && typeof each.value !== 'number') name = new TextDecoder().decode(each.value)
    else if (each.field === 2) number = metric(each.value)
  }
  return [name, number]
}

function metric(value: Value): number {
  if (typeof value !== 'number' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError('no metric')
  // Adding 0 makes 0 of −0.
  return value + 0
}

/** The fields of a message, in order. Throws RangeError beyond its end. */
function* fieldsOf(bytes: Uint8Array): Generator<{ field: number; value: Value }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = view.getUint8(at++)
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const field = Math.floor(tag / 8)
    const kind = tag % 8
    if (kind === 0) yield { field, value: varint() }
    else if (kind === 1) {
      yield { field, value: view.getFloat64(at, true) }
      at += 8
    } else if (kind === 5) {
      yield { field, value: view.getFloat32(at, true) }
      at += 4
    } else if (kind === 2) {
      const length = varint()
      if (length > bytes.length - at) throw new RangeError('beyond the end')
      yield { field, value: bytes.subarray(at, at + length) }
      at += length
    } else {
      throw new RangeError('no such kind of field')
    }
  }
}
