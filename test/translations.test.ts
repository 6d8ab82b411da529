import { describe, expect, it } from 'vitest'
import { readMarkdown } from './markdown.ts'

/** The names of options in the first column of the tables of a page. */
function optionsOf(page: string): string[] {
  const cells = readMarkdown(page).match(/^\| `[^|]+/gm) ?? []
  return cells.flatMap((cell) => cell.match(/`\w+`/g) ?? []).toSorted()
}

/** The programs of a page, without the comments of lines. */
function programsOf(page: string): string[] {
  const blocks = readMarkdown(page).match(/^```ts\n[\s\S]*?^```$/gm) ?? []
  return blocks.map((block) => block.replace(/ *\/\/.*$/gm, ''))
}

describe('the Chinese pages', () => {
  it('have every option of Nacos', () => {
    expect(optionsOf('docs/zh/nacos.md')).toEqual(optionsOf('packages/nacos/README.md'))
  })

  it.each([
    ['docs/zh/index.md', 'docs/index.md'],
    ['docs/zh/nacos.md', 'packages/nacos/README.md'],
  ])('%s has the first program of %s', (chinese, english) => {
    expect(programsOf(chinese)[0]).toMatch(/^```ts\nimport/)
    expect(programsOf(chinese)[0]).toEqual(programsOf(english)[0])
  })
})
