import { describe, expect, it } from 'vitest'
import { instancesOf } from './instances.ts'
import { parseTargetGroups } from './target-groups.ts'

const read = (groups: readonly unknown[]): ReturnType<typeof instancesOf> =>
  instancesOf('users.yaml', groups, () => true)
const rejected = (...groups: unknown[]): string => {
  const { instances, rejected: errors } = read(groups)
  expect([instances.length, errors.length]).toEqual([0, 1])
  return String(errors[0]?.message)
}

describe('the instances of groups', () => {
  it('are its targets, with what its labels say', () => {
    const labels = { weight: 2.5, priority: '1', zone: 'a', secure: true, version: 2, __meta_x: 'y' }
    const { instances } = read([{ targets: ['a:80', '[::1]:81', 'https://c'], labels }, { targets: ['d:80'] }])
    expect(instances).toMatchObject([
      { id: 'a:80', weight: 2.5, priority: 1, zone: 'a', secure: true, metadata: { version: '2' } },
      { host: '::1', port: 81 },
      { host: 'c', port: 443, secure: true },
      { id: 'd:80', weight: 1, priority: 0, secure: false },
    ])
    expect(Object.keys(instances[0]?.metadata ?? {})).toEqual(['version'])
  })

  it('are https by the scheme, as in Prometheus', () => {
    expect(read([{ targets: ['a:80'], labels: { __scheme__: 'https' } }]).instances).toMatchObject([{ secure: true }])
  })

  it.each<[unknown, string]>([
    [{ targets: ['a:80', 7] }, 'users.yaml[1].targets[1]: a target must be a text'],
    [{ targets: ['a:80', 'b'] }, 'users.yaml[1].targets[1]: port of an instance must be'],
    [{ targets: ['a:80', 'http://b:80/metrics'] }, 'users.yaml[1].targets[1]: an instance must be'],
  ])('leave out what is no address: %j', (group, message) => {
    const list = read([{ targets: ['z:1'] }, group])
    expect(list.instances.map(({ id }) => id)).toEqual(['z:1', 'a:80'])
    expect(list.rejected.map((error) => error.message)).toEqual([expect.stringContaining(message)])
  })

  it.each<[unknown, string]>([
    [null, 'users.yaml[0]: a group must be an object'],
    ['a:80', 'users.yaml[0]: a group must be an object'],
    [['a:80'], 'users.yaml[0]: a group must be an object'],
    [{}, 'users.yaml[0]: targets must be an array'],
    [{ targets: 'a:80' }, 'users.yaml[0]: targets must be an array'],
    [{ targets: ['a:80'], labels: ['x'] }, 'labels must be an object of texts'],
    [{ targets: ['a:80'], labels: { x: {} } }, 'labels.x must be a text'],
    [{ targets: ['a:80'], labels: { weight: 'many' } }, 'labels.weight must be a number ≥ 0, got "many"'],
    [{ targets: ['a:80'], labels: { priority: 1.5 } }, 'priority of an instance must be an integer'],
    [{ targets: ['a:80'], labels: { secure: 'yes' } }, 'labels.secure must be "true" or "false"'],
  ])('name the group that makes no sense: %j', (group, message) => {
    expect(rejected(group)).toContain(message)
  })
})

describe('a text', () => {
  it('of YAML with a bomb of aliases is refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let depth = 1; depth < 9; depth++) lines.push(`a${depth}: &a${depth} [${`*a${depth - 1}, `.repeat(9)}]`)
    expect(() => parseTargetGroups('x.yaml', lines.join('\n'))).toThrow('x.yaml is no YAML')
  })

  it.each(['', '# nothing', '{}', 'null', '7'])('without a list is refused: %j', (text) => {
    expect(() => parseTargetGroups('x.yaml', text)).toThrow('holds no list of groups')
  })
})
