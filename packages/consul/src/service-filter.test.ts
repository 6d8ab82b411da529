import { describe, expect, it } from 'vitest'
import { serviceFilter } from './service-filter.ts'

describe('the filter of a query', () => {
  it.each<[string, readonly string[], string | undefined, string | undefined]>([
    ['is none when all are wanted', [], undefined, undefined],
    [
      'is what was given',
      [],
      'Service.Meta.a == "b" or Service.Port == 1',
      'Service.Meta.a == "b" or Service.Port == 1',
    ],
    ['names a tag', ['v2'], undefined, '"v2" in Service.Tags'],
    ['names all tags', ['v2', 'eu'], undefined, '"v2" in Service.Tags and "eu" in Service.Tags'],
    ['keeps what was given together', ['v2'], 'a == b or c == d', '"v2" in Service.Tags and (a == b or c == d)'],
    ['lets no tag out of its quotes', ['a" or "b\\'], undefined, '"a\\x22 or \\x22b\\\\" in Service.Tags'],
  ])('%s', (_, tags, filter, expected) => {
    expect(serviceFilter(tags, filter)).toBe(expected)
  })
})
