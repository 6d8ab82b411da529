import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { readMarkdown, root } from './markdown.ts'

const pages = readdirSync(join(root, 'docs/learn')).filter((file) => /^\d\d-/.test(file) && file.endsWith('.md'))

/** What the program of a step prints. */
async function outputOf(step: string): Promise<string> {
  const lines: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...values) => void lines.push(format(...values)))
  // A process starts anywhere in the turn; here, always at the first instance.
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  vi.resetModules()
  try {
    await import(join(root, `docs/learn/steps/${step}.ts`))
  } finally {
    log.mockRestore()
    random.mockRestore()
  }
  return `${lines.join('\n')}\n`
}

describe('the steps of the tutorial', () => {
  it('are ten', () => {
    expect(pages).toHaveLength(10)
  })

  it.each(pages)('%s prints what its page says, in every language', async (page) => {
    const printed = await outputOf(page.slice(0, -'.md'.length))
    for (const folder of ['docs/learn', 'docs/zh/learn']) {
      const [, said] = /^```text\n([\s\S]*?)^```/m.exec(readMarkdown(`${folder}/${page}`)) ?? []
      // Which of the two a dead connection gives depends on who notices first.
      expect(said?.replaceAll('ECONNRESET', 'ECONNREFUSED')).toBe(printed.replaceAll('ECONNRESET', 'ECONNREFUSED'))
    }
  })

  it.each(pages)('%s shows the code that runs', (page) => {
    for (const folder of ['docs/learn', 'docs/zh/learn']) {
      const included = Array.from(
        readMarkdown(`${folder}/${page}`).matchAll(/^<<< (?:\S*\/)?steps\/(\S+)\.ts#\S+$/gm),
        ([, step]) => step,
      )
      expect(new Set(included)).toEqual(new Set([page.slice(0, -'.md'.length)]))
    }
  })
})
