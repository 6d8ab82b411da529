import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { markdownFiles, root } from '../markdown.ts'
import { snippetsOf } from './snippets.ts'

/** Where the snippets of a page are written: beside it, so that they import what its package does. */
const folderOf = (page: string): string => join(root, dirname(page), '.snippets')

const snippets = markdownFiles()
  .filter((page) => !page.startsWith('docs/decisions/'))
  .flatMap((page) => snippetsOf(page).map((snippet) => ({ page, ...snippet })))
const folders = new Set(snippets.map(({ page }) => folderOf(page)))

/** What the compiler says of each snippet, by its file. */
const complaints = new Map<string, string[]>()

const fileOf = ({ page, line }: { page: string; line: number }): string =>
  join(folderOf(page), `${page.replaceAll(/[^\w-]/g, '-')}-${line}.ts`)

beforeAll(() => {
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  for (const snippet of snippets) writeFileSync(fileOf(snippet), `${snippet.code}\n${snippet.before}\nexport {}\n`)
  const config = join(root, 'test/snippets/.snippets.tsconfig.json')
  const files = [...snippets.map(fileOf), join(root, 'test/snippets/names.d.ts')]
  writeFileSync(config, JSON.stringify({ extends: './tsconfig.json', files, include: [] }))
  const { stdout } = spawnSync('pnpm', ['exec', 'tsc', '-p', config, '--pretty', 'false'], {
    cwd: root,
    encoding: 'utf8',
  })
  rmSync(config)
  for (const [, file = '', line = '', message = ''] of stdout.matchAll(
    /^(\S[^(\n]*)\((\d+),\d+\): (.*(?:\n .*)*)$/gm,
  )) {
    const path = relative(root, join(root, file))
    complaints.set(path, [...(complaints.get(path) ?? []), `line ${line}: ${message}`])
  }
})

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

describe('the snippets of the documents', () => {
  it('are found', () => {
    expect(snippets.length).toBeGreaterThan(50)
  })

  it.each(snippets)('$page:$line compiles', (snippet) => {
    expect(complaints.get(relative(root, fileOf(snippet))) ?? []).toEqual([])
  })

  it('are the only files that the compiler complains of', () => {
    const known = new Set(snippets.map((snippet) => relative(root, fileOf(snippet))))
    expect([...complaints.keys()].filter((file) => !known.has(file))).toEqual([])
  })
})
