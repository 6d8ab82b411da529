import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeLoadReport } from './load-report.ts'

function double(field: number, value: number): number[] {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return [field * 8 + 1, ...bytes]
}

function entry(field: number, name: string, value: number): number[] {
  const bytes = Buffer.from(name)
  const content = [0x0a, bytes.length, ...bytes, ...double(2, value)]
  return [field * 8 + 2, content.length, ...content]
}

const decode = (...parts: number[][]): unknown => decodeLoadReport(Uint8Array.from(parts.flat()))

describe('decodeLoadReport', () => {
  it('reads every field of a report', () => {
    const report = decode(
      double(1, 0.5),
      double(2, 0.25),
      entry(4, 'db', 3),
      entry(5, 'disk', 0.1),
      entry(5, 'net', 0.2),
      double(6, 100),
      double(7, 2),
      entry(8, 'queue', 7),
      double(9, 0.75),
    )
    expect(report).toEqual({
      cpuUtilization: 0.5,
      memUtilization: 0.25,
      requestCost: { db: 3 },
      utilization: { disk: 0.1, net: 0.2 },
      rpsFractional: 100,
      eps: 2,
      namedMetrics: { queue: 7 },
      applicationUtilization: 0.75,
    })
  })

  it('passes over the field of the first version, and fields of later ones', () => {
    expect(decode([3 * 8, 0xac, 0x02], [15 * 8 + 5, 0, 0, 0, 0], [13 * 8 + 2, 1, 1], double(1, 1))).toEqual({
      cpuUtilization: 1,
    })
  })

  it.each([
    ['nothing', []],
    ['only what is not known', [3 * 8, 1]],
    ['a negative number', double(1, -1)],
    ['a number that is none', double(1, Number.NaN)],
    ['an endless number', double(6, Number.POSITIVE_INFINITY)],
    ['a negative number in a map', entry(8, 'queue', -1)],
    ['a number where a map belongs', [4 * 8, 1]],
    ['a map where a number belongs', [1 * 8 + 2, 1, 0]],
    ['the half of a number', double(1, 1).slice(0, 5)],
    ['a length beyond the end', [8 * 8 + 2, 100, 1]],
    ['a varint without end', [0x80, 0x80]],
    ['a kind of field that does not exist', [1 * 8 + 7]],
  ])('gives nothing for %s', (_what, bytes) => {
    expect(decode(bytes)).toBeUndefined()
  })

  it('makes 0 of −0, and no key of a map is special', () => {
    expect(decode(double(1, -0), entry(8, '__proto__', 1))).toEqual({
      cpuUtilization: 0,
      namedMetrics: Object.assign(Object.create(null), { ['__proto__']: 1 }),
    })
  })

  it('never throws, and gives finite numbers only', () => {
    const bytes = fc.uint8Array({ maxLength: 64 })
    fc.assert(
      fc.property(bytes, (given) => {
        const { cpuUtilization = 0, rpsFractional = 0 } = decodeLoadReport(given) ?? {}
        return cpuUtilization >= 0 && Number.isFinite(rpsFractional)
      }),
      { seed: 20_240_607 },
    )
    expect(decodeLoadReport(Buffer.alloc(5_000, 1))).toBeUndefined()
  })
})
