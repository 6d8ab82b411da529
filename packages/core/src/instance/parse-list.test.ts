import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describes, parseInstance, type ServiceInstance, type ServiceInstanceInit } from './instance.ts'
import { parseList } from './parse-list.ts'

interface Parsed {
  readonly instances: readonly ServiceInstance[]
  readonly problems: readonly string[]
}

function parse(list: readonly unknown[], before: readonly ServiceInstance[] = []): Parsed {
  const problems: string[] = []
  const instances = parseList(list, before, {
    unusable: (error) => problems.push(String(error)),
    duplicate: ({ id }) => problems.push(`twice ${id}`),
  })
  return { instances, problems: problems.sort() }
}

/** Every form in which an instance comes, and much that is none. */
const element = fc.oneof(
  { weight: 4, arbitrary: fc.nat(60).map((index) => `h${index}:80`) },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        host: fc.nat(60).map((index) => `h${index}`),
        port: fc.constantFrom(80, 80, 81, 0),
        id: fc.constantFrom(undefined, 'x', 'h1:80', 'h2:80'),
        weight: fc.constantFrom(undefined, 1, 2, -0, -1, Number.NaN),
        priority: fc.constantFrom(undefined, 0, 1, 0.5),
        zone: fc.constantFrom(undefined, 'eu', ''),
        healthy: fc.constantFrom(undefined, true, false, null),
        secure: fc.constantFrom(undefined, true, false, 'yes'),
        metadata: fc.constantFrom<unknown>(
          undefined,
          {},
          [],
          null,
          { a: '1' },
          { a: '2' },
          { b: '1', a: '1' },
          { a: 1 },
        ),
      },
      { requiredKeys: ['host', 'port'] },
    ),
  },
  fc.constantFrom<unknown>(null, 7, 'h1', '[::1]:80', '::1:80', { host: '::1', port: 80 }, 'https://h1:80'),
)

describe('parseList', () => {
  it('gives what parsing each element anew gives, and the same object for what is as it was', () => {
    const list = fc.array(element, { maxLength: 80 })
    fc.assert(
      fc.property(list, list, fc.boolean(), (first, second, isRelated) => {
        const before = parse(first).instances
        const next = isRelated ? [...first.filter((_, index) => index % 9 !== 4), ...second] : second
        const [expected, found] = [parse(next), parse(next, before)]
        expect(found).toEqual(expected)
        const known = new Map(before.map((instance) => [JSON.stringify(instance), instance]))
        for (const instance of found.instances) {
          expect(instance).toBe(known.get(JSON.stringify(instance)) ?? instance)
          expect(Object.isFrozen(instance)).toBe(true)
        }
      }),
      { seed: 20_240_701, numRuns: 1_000 },
    )
  })

  it('gives the list before if nothing changed, whatever the form of the elements', () => {
    const inits: ServiceInstanceInit[] = [
      'a:1',
      { host: 'b', port: 2, metadata: { x: '1' } },
      { id: 'c', host: 'c', port: 3 },
    ]
    const { instances } = parse(inits)
    expect(parse(structuredClone(inits), instances).instances).toBe(instances)
    expect(
      parse(
        instances.map((each) => parseInstance({ ...each })),
        instances,
      ).instances,
    ).toBe(instances)
  })

  it('sees what an object became since it was given', () => {
    const init = { host: 'a', port: 1, weight: 1 }
    const { instances } = parse([init])
    init.weight = 2
    expect(parse([init], instances).instances).toMatchObject([{ id: 'a:1', weight: 2 }])
  })

  it('reads an unchanged element only once for each field', () => {
    let reads = 0
    const counted = {
      port: 1,
      get host(): string {
        reads++
        return 'a'
      },
    }
    const { instances } = parse([counted])
    reads = 0
    parse([counted], instances)
    expect(reads).toBe(1)
  })
})

describe('describes', () => {
  it.each<[string, unknown]>([
    ['another host', { host: 'b', port: 1 }],
    ['another port', { host: 'a', port: 2 }],
    ['an id of its own', { id: 'x', host: 'a', port: 1 }],
    ['metadata that is an array', { host: 'a', port: 1, metadata: [] }],
    ['a string with another scheme', 'https://a:1'],
    ['nothing', undefined],
  ])('is false for %s', (_, init) => {
    expect(describes(init, parseInstance('a:1'))).toBe(false)
  })

  it('is false for an absent id if that of the instance was given, even if it looks like an address', () => {
    const known = parseInstance({ id: 'a:1', host: 'b', port: 1 })
    expect(describes({ host: 'b', port: 1 }, known)).toBe(false)
    expect(describes('a:1', known)).toBe(false)
  })

  it('is false for what throws when it is looked at', () => {
    const thrower = {
      get host(): string {
        throw new Error('no host')
      },
    }
    expect(describes(thrower, parseInstance('a:1'))).toBe(false)
  })
})
