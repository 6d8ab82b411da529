import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorCodes } from '../packages/core/src/errors.ts'
import { markdownFiles, readMarkdown, root } from './markdown.ts'

describe('docs/errors.md', () => {
  const sections = readMarkdown('docs/errors.md').split(/^## /m).slice(1)

  it('has a section for every error code, and for nothing else', () => {
    expect(sections.map((section) => section.split('\n', 1)[0])).toEqual(errorCodes)
  })

  it.each(sections)('says cause, check and fix: %s', (section) => {
    for (const part of ['**Cause.**', '**Check.**', '**Fix.**']) expect(section).toContain(part)
  })
})

describe('links between documents', () => {
  it.each(markdownFiles())('%s points only at files that exist', (path) => {
    const links = Array.from(readMarkdown(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g), ([, target]) => target ?? '')
    const missing = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(path), link)))
    expect(missing).toEqual([])
  })
})

describe('CONTRIBUTING.md', () => {
  it('has at most 60 lines', () => {
    expect(readMarkdown('CONTRIBUTING.md').trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  })
})
