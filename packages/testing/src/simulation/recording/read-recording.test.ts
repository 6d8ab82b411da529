import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { readRecording } from './read-recording.ts'

const header = '{"recording":"lb-traffic","version":1}'
const setUp = [
  header,
  '{"service":0,"name":"users"}',
  '{"instance":0,"service":0,"id":"a","host":"a","port":1}',
  '{"at":0,"service":0,"added":[0]}',
]
const call = '{"call":5,"service":0,"ms":20,"attempts":[{"on":0,"ms":20,"status":200}]}'
const text = [...setUp, call, '{"at":1000,"end":"stopped"}', ''].join('\n')

async function* bytes(value: string, size: number): AsyncGenerator<Uint8Array> {
  const encoded = new TextEncoder().encode(value)
  for (let from = 0; from < encoded.length; from += size) yield encoded.subarray(from, from + size)
}

describe('readRecording', () => {
  it('gives what became of the calls', async () => {
    const failed =
      '{"call":7,"service":0,"ms":40,"result":"failed","error":"503","attempts":[{"on":0,"ms":40,"status":503}]}'
    const recording = await readRecording([...setUp, failed, call, '{"at":900,"lost":3}', ''].join('\n'))
    expect(recording).toMatchObject({ service: 'users', durationMs: 900, calls: 2, goodput: 0.5, p50Ms: 20, p99Ms: 20 })
    expect(recording).toMatchObject({ amplification: 1, lost: 3 })
    expect(Object.isFrozen(recording)).toBe(true)
  })

  it('reads text, pieces of text, and bytes that split lines and characters', async () => {
    const umlaut = text.replace('users', 'größe')
    const expected = await readRecording(umlaut)
    expect(expected.service).toBe('größe')
    expect(await readRecording([umlaut.slice(0, 50), umlaut.slice(50)])).toEqual(expected)
    for (const size of [1, 7, 64]) expect(await readRecording(bytes(umlaut, size))).toEqual(expected)
    expect(await readRecording(umlaut.replaceAll('\n', '\r\n').trimEnd())).toEqual(expected)
  })

  it('reads the service that is named, or the only one that has calls', async () => {
    const other = [text.trimEnd(), '{"service":1,"name":"orders"}'].join('\n')
    expect((await readRecording(other)).service).toBe('users')
    const both = [other, '{"call":1,"service":1,"ms":2,"result":"refused","attempts":[]}'].join('\n')
    expect((await readRecording(both, { service: 'orders' })).calls).toBe(1)
    const message = /service.*calls were recorded of "users", "orders"/
    await expect(readRecording(both)).rejects.toThrow(message)
    await expect(readRecording(both, { service: 'other' })).rejects.toThrow(message)
  })

  it.each<[string, string | readonly string[], RegExp]>([
    ['an empty one', '', /line 1 must be the header/],
    ['another file', 'GET / HTTP/1.1', /line 1 must be JSON/],
    ['other JSON', '{"a":1}', /line 1: recording must be "lb-traffic"/],
    ['another version', '{"recording":"lb-traffic","version":2}', /line 1: version must be 1, got 2/],
    ['one without calls', setUp, /holds no call/],
    ['a line that is cut off', text.slice(0, text.indexOf('"ms":20')), /line 5 must be JSON.*cut off/],
    ['a line that is no object', [...setUp, '[1]'], /line 5 must be a JSON object/],
    ['a line of an unknown kind', [...setUp, '{"x":1}'], /line 5: call must be given/],
    ['a negative time', [...setUp, call.replace('5', '-5')], /line 5: call must be milliseconds/],
    ['an endless time', [...setUp, call.replace('"ms":20', '"ms":1e999')], /line 5: ms must be milliseconds/],
    ['no time', [...setUp, call.replace('"ms":20,"att', '"att')], /line 5: ms must be milliseconds/],
    [
      'an unknown service',
      [...setUp, call.replace('"service":0', '"service":1')],
      /line 5: service must be an integer/,
    ],
    ['no service', [header, call], /line 2: service must be the number of an earlier line/],
    [
      'an unknown instance',
      [...setUp, call.replace('"on":0', '"on":1')],
      /line 5: attempts\[0\]: on must be an integer/,
    ],
    ['an impossible instance', [...setUp, '{"instance":1,"service":0,"host":"b","port":0}'], /line 5: instance.*port/],
    ['numbers out of turn', [...setUp, '{"instance":3,"service":0,"host":"b","port":1}'], /line 5: instance must be/],
    ['a list of nothing', [...setUp, '{"at":1,"service":0,"added":["x"]}'], /line 5: added must be of numbers/],
    ['an impossible status', [...setUp, call.replace('200', '99')], /attempts\[0\]: status must be a status/],
    [
      'attempts that are none',
      [...setUp, call.replace(/\[.*\]/, '[1]')],
      /line 5: attempts must be an array of objects/,
    ],
    ['a long line', [...setUp, `{"x":"${'x'.repeat(1_100_000)}"}`], /line 5 must be at most 1048576 characters/],
    ['a line without an end', `${header}\n${'x'.repeat(1_100_000)}`, /line 2 must be at most 1048576 characters/],
    [
      'an endless name',
      [header, `{"service":0,"name":"${'x'.repeat(2_000)}"}`],
      /line 2: name must be a string of at most/,
    ],
    ['deep nesting', [...setUp, '['.repeat(500_000)], /line 5 must be/],
    [
      'many attempts',
      [...setUp, `{"call":1,"service":0,"ms":1,"attempts":[${'{},'.repeat(1_000)}{}]}`],
      /at most 1000 att/,
    ],
  ])('names the line of %s', async (_what, lines, message) => {
    const source = typeof lines === 'string' ? lines : lines.join('\n')
    const error: unknown = await readRecording(source).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(InvalidOptionError)
    expect(String(error)).toMatch(message)
    expect(String(error).length).toBeLessThan(400)
  })

  it('reads no more than maxBytes of an endless one, and holds no more than a line', async () => {
    let pieces = 0
    function* endless(): Generator<string> {
      yield `${setUp.join('\n')}\n`
      for (;;) {
        pieces++
        yield `${call}\n`
      }
    }
    await expect(readRecording(endless(), { maxBytes: 10_000 })).rejects.toThrow(/line \d+ must be within maxBytes/)
    expect(pieces).toBeLessThan(200)
  })

  it('passes over blank lines, but not over a file of them', async () => {
    expect(await readRecording(text.replaceAll('\n', '\n\n \n'))).toMatchObject({ calls: 1 })
    await expect(readRecording(`${header}${'\n'.repeat(1_100)}${text}`)).rejects.toThrow(/recording: line 1002/)
  })

  it.each([[null], [5], [{}], [[5]], [[null]]])('refuses %j, which is no text', async (source) => {
    await expect(readRecording(source as never)).rejects.toThrow(/readRecording\.source must be text, or an iterable/)
  })

  it('takes no name for more than a name', async () => {
    const proto = call.replace('"status":200', '"status":200,"__proto__":{"ms":1},"constructor":1')
    const recording = await readRecording([...setUp, proto].join('\n'))
    expect(recording.p50Ms).toBe(20)
  })

  it.each([{ maxBytes: 1 }, { service: 1 }, { lines: 1 }])('%j is refused', async (options) => {
    await expect(readRecording(text, options as object)).rejects.toThrow(/readRecording\./)
  })
})
