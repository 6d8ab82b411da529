import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorCodes } from '../packages/core/src/base/errors.ts'
import { proxyErrorCodes } from '../packages/express/src/errors.ts'
import { cliReference } from '../scripts/cli-reference.ts'
import { metricsReference } from '../scripts/metrics-reference.ts'
import { documentedOptions, optionsReference, sections } from '../scripts/options-reference.ts'
import { markdownFiles, readMarkdown, root } from './markdown.ts'

const packageReadmes = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)

/** A Markdown file without its code. */
function proseOf(path: string): string {
  return readMarkdown(path).replace(/^```[\s\S]*?^```|`[^`\n]+`/gm, '')
}

/** The anchors of a Markdown file, as GitHub makes them of its headings. */
function sectionsOf(path: string): string[] {
  const headings = Array.from(readMarkdown(path).matchAll(/^#+ (.+)$/gm), ([, heading]) => heading ?? '')
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('docs/errors.md', () => {
  const sections = readMarkdown('docs/errors.md').split(/^## /m).slice(1)

  it('has a section for every error code, and for nothing else', () => {
    expect(sections.map((section) => section.split('\n', 1)[0])).toEqual([...errorCodes, ...proxyErrorCodes])
  })

  it.each(sections)('says cause, check and fix: %s', (section) => {
    for (const part of ['**Cause.**', '**Check.**', '**Fix.**']) expect(section).toContain(part)
  })
})

describe('links between documents', () => {
  it.each(markdownFiles())('%s points only at files that exist', (path) => {
    const links = Array.from(proseOf(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g), ([, target]) => target ?? '')
    const missing = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(path), link)))
    expect(missing).toEqual([])
  })

  const repository = /^https:\/\/github\.com\/lb-js\/lb\/(?:blob|tree)\/main\/([^#]*)(?:#(.*))?$/

  it.each(markdownFiles())('%s links only to files and sections of the repository that exist', (path) => {
    const links = Array.from(proseOf(path).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link ?? '')
    const dead = links.filter((link) => {
      const [, file, section] = repository.exec(link) ?? []
      // What a folder shows is its README.
      if (file === undefined || section === 'readme') return false
      return !existsSync(join(root, file)) || (section !== undefined && !sectionsOf(file).includes(section))
    })
    expect(dead).toEqual([])
  })

  // npm shows a README without the folders around it.
  it.each(packageReadmes)('%s, which npm shows, links to nothing beside it', (path) => {
    const links = Array.from(proseOf(path).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link ?? '')
    expect(links.filter((link) => !/^(?:https:|#)/.test(link))).toEqual([])
  })
})

describe('what npm shows of a package', () => {
  it.each(readdirSync(join(root, 'packages')))('has home page, bugs and author: %s', (name) => {
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({
      homepage: `https://github.com/lb-js/lb/tree/main/packages/${name}#readme`,
      bugs: 'https://github.com/lb-js/lb/issues',
      author: 'the lb authors',
      license: 'MIT',
      repository: { directory: `packages/${name}` },
    })
  })
})

describe('docs/decisions/README.md', () => {
  const folder = 'docs/decisions'
  const files = readdirSync(join(root, folder)).filter((file) => /^\d{4}-/.test(file))
  const rows = Array.from(
    readMarkdown(`${folder}/README.md`).matchAll(/^\| \[(\d+)\]\((.+)\) \| (.+) \| (\S.*) \|$/gm),
    ([, number, file, title]) => ({ number, file, title }),
  )

  it('lists every record by its number and title', () => {
    const records = files.map((file) => {
      const [, number, title] = /^# (\d+)\. (.+)$/m.exec(readMarkdown(`${folder}/${file}`)) ?? []
      return { number, file, title }
    })
    expect(rows).toEqual(records)
  })

  it.each(files)('%s has the number of its file name', (file) => {
    expect(readMarkdown(`${folder}/${file}`)).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. `))
  })
})

describe('CONTRIBUTING.md', () => {
  it('has at most 60 lines', () => {
    expect(readMarkdown('CONTRIBUTING.md').trimEnd().split('\n').length).toBeLessThanOrEqual(60)
  })
})

describe('what READMEs say of where a package was run', () => {
  const sourceOf = (script: string): string => readFileSync(join(root, 'scripts', script), 'utf8')
  const versionsIn = (text: string | undefined): string[] => text?.match(/\d+(?:\.\d+)+/g) ?? []
  const nodes = versionsIn(/nodeVersions = \[(.*)\]/.exec(sourceOf('check-packages.ts'))?.[1])
  const runtimes = /runtimes = \{(.*)\}/.exec(sourceOf('check-runtimes.ts'))?.[1]

  it('is looked for', () => {
    expect([nodes.length, versionsIn(runtimes).length]).toEqual([4, 3])
  })

  it.each(readdirSync(join(root, 'packages')))('is what the scripts run: %s', (name) => {
    const [, section = ''] = readMarkdown(`packages/${name}/README.md`).split(/^## Where it was run$/m)
    // Before that sentence, a README may name versions of its registry.
    const [, run] = section.split(/The\s+packed\s+package/)
    const [bun, deno, workerd] = versionsIn(runtimes)
    const elsewhere: Readonly<Record<string, readonly (string | undefined)[]>> = {
      core: [bun, deno, workerd],
      dashboard: [bun, deno],
    }
    expect(versionsIn(run)).toEqual([...nodes, ...(elsewhere[name] ?? [])])
    if (elsewhere[name] === undefined) expect(section).toMatch(/Not\s+on\s+Bun,\s+Deno\s+or\s+workerd\./)
  })
})

describe('docs/reference/cli.md', () => {
  it('is what scripts/cli-reference.ts writes', () => {
    expect(readFileSync(join(root, 'docs/reference/cli.md'), 'utf8')).toBe(cliReference())
  })
})

describe('docs/reference/metrics.md', () => {
  it('is what scripts/metrics-reference.ts writes', () => {
    expect(readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8')).toBe(metricsReference())
  })
})

describe('docs/reference/options.md', () => {
  it('is what scripts/options-reference.ts writes', () => {
    expect(readFileSync(join(root, 'docs/reference/options.md'), 'utf8')).toBe(optionsReference())
  })

  const documented = sections.flatMap((section) =>
    documentedOptions(section).map((option) => ({
      section: section.title,
      legal: section.table[option.name],
      ...option,
    })),
  )

  const groups = sections.flatMap(({ title, table }) =>
    Object.entries(table).flatMap(([name, { fields }]) =>
      fields === undefined ? [] : { name: `${title}.${name}`, fields },
    ),
  )

  it.each(groups)('has every field of $name', ({ fields }) => {
    const fieldNames = Object.keys(fields)
    const isDescribed = sections.some(({ table }) => fieldNames.every((field) => field in table))
    expect(isDescribed).toBe(true)
  })

  it.each(sections)('has every option of $title', ({ table }) => {
    expect(documented.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(table)))
  })

  it.each(documented)('says what $section.$name means', ({ meaning }) => {
    expect(meaning).not.toBe('')
  })

  it.each(documented.filter(({ legal }) => typeof legal?.default === 'number'))(
    'says the default of $section.$name as its table does',
    ({ legal, default: written }) => {
      expect(Number(written?.replaceAll('_', ''))).toBe(legal?.default)
    },
  )
})
