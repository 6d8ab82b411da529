import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { markdownFiles, readMarkdown, root } from './markdown.ts'

const folder = join(root, 'docs/recipes')
const recipes = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'service.ts')
const pages = markdownFiles('docs/how-to/').map(readMarkdown)

/** What the recipes print that do not make twelve calls. */
const outputs: Readonly<Record<string, string>> = {
  'axios-mock-adapter.ts': 'Ada\n',
  'axios-retry.ts': 'lb alone: 3 requests\nwith axios-retry: 12 requests\n',
  'mock-agent.ts': "{ name: 'Ada' }\n",
  'msw.ts': 'Ada\n',
  'nock.ts': 'Ada\n',
}

describe('the recipes', () => {
  // In processes of their own: some of them change what is global. They use the packages as they were built.
  it.concurrent.each(recipes)('%s does what its page says', async (recipe) => {
    const child = spawn(process.execPath, [join(folder, recipe)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk))
    await once(child, 'close')
    expect(printed).toBe(outputs[recipe] ?? '12 of 12 calls succeeded\n')
  })

  it.each(recipes)('%s is on a page', (recipe) => {
    expect(pages.some((page) => page.includes(`<<< ../recipes/${recipe}`))).toBe(true)
  })
})
