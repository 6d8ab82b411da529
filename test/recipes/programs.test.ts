import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { markdownFiles, readMarkdown, root } from '../markdown.ts'
import { folder, RecipeProcess, saidBy } from './recipe-process.ts'

/** What several recipes use. */
const shared: readonly string[] = ['follow', 'got-handler', 'instances', 'service']
/** Those that need a registry: registries.test.ts and kubernetes.test.ts run them. */
const withRegistry: readonly string[] = [
  'config-map',
  'consul',
  'consul-instance',
  'docker-compose',
  'kubernetes',
  'kubernetes-headless',
  'kubernetes-instance',
  'nacos',
  'nacos-instance',
]
const recipes = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .filter((recipe) => !shared.includes(recipe))
const pages = markdownFiles('docs/').map(readMarkdown)

/** What recipes without a page of their own print, if they do not make twelve calls. */
const outputs: Readonly<Record<string, string | RegExp>> = {
  'axios-mock-adapter': 'Ada\n',
  'axios-retry':
    'lb alone: 3 requests\nwith axios-retry: 6 requests\nwith axios-retry, without a retry budget: 12 requests\n',
  'llm-load': 'the instance with the emptier cache gets more requests: true\n',
  'mock-agent': "{ name: 'Ada' }\n",
  msw: 'Ada\n',
  'nest-logger': /^\[Nest\] .* LOG \[lb\] \{"type":"instances-changed","level":"info","service":"user-service",/,
  nock: 'Ada\n',
  'openai-stream': `${`${['One', 'by', 'one'].map((token) => `sent ${token}\nreceived ${token}\n`).join('')}`.repeat(2)}the instance dies in the middle:
sent One
received One
the stream ends with an error: terminated
`,
  pino: /^\{"level":30,.*"name":"lb","event":\{"type":"instances-changed",.*"msg":"instances-changed"\}\n/,
  'retry-budget':
    'one of three is dead: 100 of 100 calls succeed\nall are dead: 0 of 100 calls succeed\nfewer than 150 attempts, where three for each call would be 300: true\n',
}

describe('the recipes', () => {
  it.each(recipes.filter((recipe) => !withRegistry.includes(recipe)))('%s does what its page says', async (recipe) => {
    await using child = new RecipeProcess(recipe)
    const expected = saidBy(recipe) ?? outputs[recipe] ?? '12 of 12 calls succeeded\n'
    expect(await child.end()).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected))
  })

  it.each(recipes)('%s is on a page', (recipe) => {
    expect(pages.some((page) => new RegExp(`^<<< (?:\\./|\\.\\./recipes/)${recipe}\\.ts`, 'm').test(page))).toBe(true)
  })

  it.each(readdirSync(folder).filter((file) => file.endsWith('.md') && file !== 'index.md'))(
    '%s is in the list of recipes',
    (page) => {
      expect(readMarkdown('docs/recipes/index.md')).toContain(`](${page})`)
    },
  )
})

describe('the recipes for test runners', () => {
  const run = (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)('pnpm', ['exec', ...args], { cwd: join(root, 'docs'), env: { ...process.env, NO_COLOR: '1' } })

  it('run in Jest', async () => {
    const { stderr } = await run('jest', '--rootDir', 'recipes/jest', '--testMatch', '**/*.test.cjs')
    expect(stderr).toContain('Tests:       1 passed, 1 total')
  })

  it('run in vitest', async () => {
    const { stdout } = await run('vitest', 'run', '--root', 'recipes/vitest')
    expect(stdout).toMatch(/Tests {2}2 passed \(2\)/)
  })
})
