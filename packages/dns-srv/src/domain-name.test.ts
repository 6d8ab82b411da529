import { describe, expect, it } from 'vitest'
import { domainNameProblem, searchedNames } from './domain-name.ts'

describe('domainNameProblem', () => {
  it.each(['a', '_http._tcp.web.lb.test', 'x--y.xn--bcher-kva.example', 'a'.repeat(63), `${'a.'.repeat(126)}a`])(
    'accepts %s',
    (name) => {
      expect(domainNameProblem(name)).toBeUndefined()
    },
  )

  it.each([
    ['', 'is empty'],
    ['.', 'has an empty label'],
    ['a..b', 'has an empty label'],
    ['a.b.', 'has an empty label'],
    ['a'.repeat(64), 'longer than 63'],
    [`${'a.'.repeat(126)}ab`, 'longer than 253'],
    ['bücher.example', 'punycode'],
    ['a b', 'a character other than'],
    ['a/../b', 'a character other than'],
    ['a\\046b', 'a character other than'],
    ['a\0b', 'a character other than'],
    ['a\n', 'a character other than'],
  ])('refuses %j: %s', (name, problem) => {
    expect(domainNameProblem(name)).toContain(problem)
  })
})

describe('searchedNames', () => {
  const search = ['default.svc.cluster.local', 'svc.cluster.local']

  it('asks for a name with enough dots as it is first', () => {
    expect(searchedNames('_http._tcp.Web', { search, ndots: 2 })).toEqual([
      '_http._tcp.web',
      '_http._tcp.web.default.svc.cluster.local',
      '_http._tcp.web.svc.cluster.local',
    ])
  })

  it('asks for a name with fewer dots as it is last', () => {
    expect(searchedNames('_http._tcp.web', { search, ndots: 5 })).toEqual([
      '_http._tcp.web.default.svc.cluster.local',
      '_http._tcp.web.svc.cluster.local',
      '_http._tcp.web',
    ])
  })

  it('asks for an absolute name only as it is', () => {
    expect(searchedNames('web.lb.test.', { search, ndots: 5 })).toEqual(['web.lb.test'])
  })

  it('asks for no name twice, and for none that is too long', () => {
    const rules = { search: ['a.test', 'A.test', 'b'.repeat(250)], ndots: 1 }
    expect(searchedNames('web', rules)).toEqual(['web.a.test', 'web'])
  })
})
