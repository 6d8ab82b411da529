import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoadReport } from '../instance/outcome.ts'
import { formatLoadReport, loadReportHeader, maxLoadReportLength, parseLoadReport } from './load-report.ts'

const example: LoadReport = {
  cpuUtilization: 0.7,
  applicationUtilization: 0.8,
  memUtilization: 0.9,
  rpsFractional: 1_000,
  eps: 2,
  requestCost: { bytes: 3_487 },
  utilization: { total: 0.5 },
  namedMetrics: { foo: 123, bar: 0.2 },
}

describe('parseLoadReport', () => {
  it('has the name of the header beside it', () => {
    expect(loadReportHeader).toBe('endpoint-load-metrics')
  })

  it.each(['=', ':'])('reads every metric of the text form, separated by %s', (separator) => {
    const text =
      'TEXT cpu_utilization=0.7,application_utilization=0.8,mem_utilization=0.9,rps_fractional=1000,eps=2,' +
      'request_cost.bytes=3487,utilization.total=0.5,named_metrics.foo=123,named_metrics.bar=0.2'
    expect(parseLoadReport(text.replaceAll('=', separator))).toEqual(example)
  })

  it.each([
    [
      '{"cpu_utilization": 0.7, "application_utilization": 0.8, "mem_utilization": 0.9, "rps_fractional": 1000, "eps": 2, ' +
        '"request_cost": {"bytes": 3487}, "utilization": {"total": 0.5}, "named_metrics": {"foo": 123, "bar": 0.2}}',
    ],
    [
      '{"cpuUtilization":0.7,"applicationUtilization":0.8,"memUtilization":0.9,"rpsFractional":1e3,"eps":2.0,' +
        '"requestCost":{"bytes":3487},"utilization":{"total":0.5},"namedMetrics":{"foo":123,"bar":0.2}}',
    ],
  ])('reads every metric of JSON with either form of name: %s', (json) => {
    expect(parseLoadReport(`JSON ${json}`)).toEqual(example)
  })

  it.each([
    ['TEXT cpu_utilization=0.3', { cpuUtilization: 0.3 }],
    ['TEXT cpu_utilization=0', { cpuUtilization: 0 }],
    ['TEXT cpu_utilization=-0.0', { cpuUtilization: 0 }],
    ['JSON {"eps": -0}', { eps: 0 }],
    ['TEXT cpu_utilization=1.7', { cpuUtilization: 1.7 }],
    ['TEXT  cpu_utilization = 0.3 ,\teps : 1 ', { cpuUtilization: 0.3, eps: 1 }],
    ['TEXT cpu_utilization=.5,eps=1.,rps_fractional=+1.5E+2', { cpuUtilization: 0.5, eps: 1, rpsFractional: 150 }],
    ['TEXT ,cpu_utilization=0.3,,', { cpuUtilization: 0.3 }],
    ['TEXT named_metrics.vllm:queue_length=3', { namedMetrics: { 'vllm:queue_length': 3 } }],
    ['TEXT named_metrics.a.b=3', { namedMetrics: { 'a.b': 3 } }],
    ['TEXT named_metrics.eps=3', { namedMetrics: { eps: 3 } }],
    ['JSON {"named_metrics": {"a:b\\"": 3}}', { namedMetrics: { 'a:b"': 3 } }],
    ['JSON {"named_metrics": {}, "eps": 1}', { eps: 1 }],
  ])('reads %s', (header, expected) => {
    const report = parseLoadReport(header)
    expect(report).toEqual(expected)
    for (const value of Object.values(report ?? {})) expect(Object.is(value, -0)).toBe(false)
  })

  it.each([
    ['nothing', ''],
    ['no format', 'cpu_utilization=0.3'],
    ['an unknown format', 'BIN CQAAAAAAAOA='],
    ['a format without a space', 'TEXTcpu_utilization=0.3'],
    ['a format in lower case', 'text cpu_utilization=0.3'],
    ['no metric', 'TEXT '],
    ['only commas', 'TEXT ,,'],
    ['no metric in JSON', 'JSON {}'],
    ['an empty map in JSON', 'JSON {"named_metrics": {}}'],
    ['no value', 'TEXT cpu_utilization'],
    ['an empty value', 'TEXT cpu_utilization='],
    ['an empty name', 'TEXT =0.3'],
    ['an unknown name', 'TEXT cpu_utilization=0.3,load=1'],
    ['an unknown name in JSON', 'JSON {"cpu_utilization": 0.3, "load": 1}'],
    ['a name in JSON form in text', 'TEXT cpuUtilization=0.3'],
    ['a map in JSON form in text', 'TEXT namedMetrics.foo=0.3'],
    ['a name with blanks', 'TEXT named_metrics.a b=1'],
    ['a name in capitals', 'TEXT CPU_UTILIZATION=0.3'],
    ['a map without a name', 'TEXT named_metrics=1'],
    ['an empty name in a map', 'TEXT named_metrics.=1'],
    ['an empty name in a map of JSON', 'JSON {"named_metrics": {"": 1}}'],
    ['a comma in a name in JSON', 'JSON {"named_metrics": {"a,b": 1}}'],
    ['an unknown map', 'TEXT other.foo=1'],
    ['__proto__', 'JSON {"__proto__": 1, "eps": 1}'],
    ['a name of every object', 'TEXT constructor=1'],
    ['a duplicate', 'TEXT cpu_utilization=0.3,cpu_utilization=0.3'],
    ['a duplicate of 0', 'TEXT cpu_utilization=0,cpu_utilization=0'],
    ['a duplicate with the other separator', 'TEXT cpu_utilization=0.3,cpu_utilization:0.4'],
    ['a duplicate in a map', 'TEXT named_metrics.a=1,named_metrics.a=2'],
    ['a duplicate in JSON', 'JSON {"eps": 1, "eps": 1}'],
    ['a duplicate in a map of JSON', 'JSON {"named_metrics": {"a": 1, "a": 2}}'],
    ['a duplicate map in JSON', 'JSON {"named_metrics": {"a": 1}, "named_metrics": {"b": 2}}'],
    ['a duplicate under the other name in JSON', 'JSON {"cpu_utilization": 1, "cpuUtilization": 1}'],
    ['a duplicate map under the other name in JSON', 'JSON {"named_metrics": {}, "namedMetrics": {"a": 1}}'],
    ['NaN', 'TEXT cpu_utilization=NaN'],
    ['infinity', 'TEXT cpu_utilization=inf'],
    ['Infinity', 'TEXT cpu_utilization=Infinity'],
    ['too much', 'TEXT cpu_utilization=1e999'],
    ['too much in JSON', 'JSON {"eps": 1e999}'],
    ['a negative number', 'TEXT cpu_utilization=-0.1'],
    ['a negative number in a map', 'TEXT named_metrics.a=-1'],
    ['a negative number in JSON', 'JSON {"cpu_utilization": -0.1}'],
    ['quotes', 'TEXT cpu_utilization="0.3"'],
    ['a string in JSON', 'JSON {"cpu_utilization": "0.3"}'],
    ['null in JSON', 'JSON {"cpu_utilization": null}'],
    ['a boolean in JSON', 'JSON {"cpu_utilization": true}'],
    ['a list in JSON', 'JSON {"named_metrics": [1]}'],
    ['a number for a map in JSON', 'JSON {"named_metrics": 1}'],
    ['a map for a number in JSON', 'JSON {"eps": {"a": 1}}'],
    ['a map in a map in JSON', 'JSON {"named_metrics": {"a": {"b": 1}}}'],
    ['hexadecimal', 'TEXT eps=0x10'],
    ['two points', 'TEXT eps=1.2.3'],
    ['two separators', 'TEXT cpu_utilization==0.3'],
    ['a point', 'TEXT eps=.'],
    ['a unit', 'TEXT cpu_utilization=70%'],
    ['two headers in one', 'TEXT cpu_utilization=0.3, TEXT cpu_utilization=0.4'],
    ['broken JSON', 'JSON {"cpu_utilization": 0.3'],
    ['JSON that is no object', 'JSON [1]'],
    ['JSON null', 'JSON null'],
    ['a list of headers', ['TEXT eps=1'] as unknown as string],
    ['no header', undefined as unknown as string],
  ])('ignores all of a header with %s', (_name, header) => {
    expect(parseLoadReport(header)).toBeUndefined()
  })

  it('ignores a header above 4 KiB', () => {
    const longest = `TEXT named_metrics.${'a'.repeat(maxLoadReportLength - 21)}=1`
    expect(longest).toHaveLength(4_096)
    expect(parseLoadReport(longest)).toBeDefined()
    expect(parseLoadReport(`${longest}0`)).toBeUndefined()
    expect(parseLoadReport(`JSON {"eps": 1${' '.repeat(4_096)}}`)).toBeUndefined()
  })

  it('takes the names of every object for names like any other within a map', () => {
    for (const header of [
      'TEXT named_metrics.__proto__=1,named_metrics.constructor=2',
      'JSON {"named_metrics": {"__proto__": 1, "constructor": 2}}',
    ]) {
      const metrics = parseLoadReport(header)?.namedMetrics ?? {}
      expect(Object.entries(metrics)).toEqual([
        ['__proto__', 1],
        ['constructor', 2],
      ])
    }
  })

  it('never throws, and gives nothing or a report without a bad number', () => {
    const piece = fc.oneof(
      fc.constantFrom('cpu_utilization', 'named_metrics.', 'eps', '=', ':', ',', '0.5', '-', '1e9', ' ', '{', '}', '"'),
      fc.string({ maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.constantFrom('TEXT ', 'JSON ', ''), fc.array(piece, { maxLength: 20 }), (format, pieces) => {
        const report = parseLoadReport(format + pieces.join(''))
        if (report === undefined) return
        const numbers = Object.values(report).flatMap((value) =>
          typeof value === 'number' ? [value] : Object.values(value),
        )
        expect(numbers.length).toBeGreaterThan(0)
        for (const number of numbers) expect(typeof number === 'number' && number >= 0 && number < Infinity).toBe(true)
      }),
      { seed: 20_240_607, numRuns: 3_000 },
    )
  })
})

describe('formatLoadReport', () => {
  it('writes the published text form', () => {
    expect(formatLoadReport({ cpuUtilization: 0.3, rpsFractional: 10, namedMetrics: { queue: 4 } })).toBe(
      'TEXT cpu_utilization=0.3,rps_fractional=10,named_metrics.queue=4',
    )
  })

  it('writes what parseLoadReport reads', () => {
    const metric = fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }).map((value) => value + 0)
    const name = fc.stringMatching(/^[!-+\--<>-~]{1,12}$/)
    const map = fc.dictionary(name, metric, { minKeys: 1, maxKeys: 4, noNullPrototype: true })
    const report = fc.record(
      {
        cpuUtilization: metric,
        memUtilization: metric,
        applicationUtilization: metric,
        rpsFractional: metric,
        eps: metric,
        requestCost: map,
        utilization: map,
        namedMetrics: map,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(report, (value) => {
        const header = formatLoadReport(value)
        if (Object.keys(value).length === 0) expect(header).toBeUndefined()
        else expect(parseLoadReport(header as string)).toEqual(value)
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it('says nothing when there is nothing to say', () => {
    expect(formatLoadReport({})).toBeUndefined()
    expect(formatLoadReport({ namedMetrics: {}, cpuUtilization: undefined } as object)).toBeUndefined()
  })

  it.each([
    [{ cpuUtilization: Number.NaN }, 'loadReport.cpuUtilization', 'a finite number ≥ 0, got NaN (number)'],
    [{ eps: -1 }, 'loadReport.eps', 'a finite number ≥ 0, got -1 (number)'],
    [{ eps: '1' }, 'loadReport.eps', 'a finite number ≥ 0, got "1" (string)'],
    [
      { utilization: { disk: Number.POSITIVE_INFINITY } },
      'loadReport.utilization.disk',
      'a finite number ≥ 0, got Infinity (number)',
    ],
    [
      { namedMetrics: { 'a=b': 1 } },
      'loadReport.namedMetrics.a=b',
      'named by visible ASCII without "," and "=", got "a=b" (string)',
    ],
    [
      { namedMetrics: { 'a\r\nset-cookie': 1 } },
      'loadReport.namedMetrics.a\r\nset-cookie',
      'named by visible ASCII without "," and "=", got "a\\r\\nset-cookie" (string)',
    ],
  ])('refuses %j', (report, option, rest) => {
    expect(() => formatLoadReport(report as unknown as LoadReport)).toThrow(
      expect.objectContaining({ option, message: `${option} must be ${rest}` }),
    )
  })

  it('refuses what would be ignored for its length, and unknown names', () => {
    const namedMetrics = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`metric-${index}`, 1]))
    expect(() => formatLoadReport({ namedMetrics })).toThrow('loadReport must be at most 4096 characters as a header')
    expect(() => formatLoadReport({ cpu: 1 } as LoadReport)).toThrow('loadReport.cpu is not a known option')
  })
})
