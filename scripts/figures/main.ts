// Counts what keeps the code readable, and fails above a limit: main.ts [--places] [--json].
// `--places` names every place that counts; the limits are at the end of this file.
import { globSync } from 'node:fs'
import { circles } from './circles.ts'
import { publicNames } from './documentation.ts'
import { duplicates } from './duplicates.ts'
import type { Figure } from './figure.ts'
import { longCommentLines, longMarkdownLines } from './prose.ts'
import { readSourceFile, root, type SourceFile } from './source-file.ts'
import { bareErrors, casts, longFunctions } from './syntax-figures.ts'

const isTest = (path: string): boolean => /\.(?:test|suite)\.ts$/.test(path)
const paths = globSync('packages/*/src/**/*.ts', { cwd: root }).filter((path) => !isTest(path))
const files = paths.sort().map(readSourceFile)
const byPath = new Map(files.map((file) => [file.path, file]))
const packages = [...new Set(paths.map((path) => path.split('/')[1] as string))]
const entries = files.filter(({ path }) => /^packages\/[^/]+\/src\/(?:index|authoring|suites)\.ts$/.test(path))

const lineCount = (of: readonly SourceFile[]): number => of.reduce((sum, { lines }) => sum + lines.length, 0)

function castsPerThousand(): { readonly value: number; readonly places: string[] } {
  const found = packages.map((name) => {
    const own = files.filter(({ path }) => path.startsWith(`packages/${name}/`))
    const count = own.flatMap(casts).length
    return { name, count, rate: (1_000 * count) / lineCount(own) }
  })
  const worst = found.sort((left, right) => right.rate - left.rate)
  return {
    value: Math.max(...worst.map(({ rate }) => rate)),
    places: worst.map(({ name, count, rate }) => `@lb/${name} ${rate.toFixed(1)} (${count})`),
  }
}

function counted(name: string, limit: number, places: readonly string[]): Figure {
  return { name, value: places.length, limit, places }
}

function figures(): Figure[] {
  const atRoot = paths.filter((path) => /^packages\/core\/src\/[^/]+$/.test(path))
  const rates = castsPerThousand()
  const longest = [...files].sort((left, right) => right.lines.length - left.lines.length)
  const markdown = globSync(
    ['*.md', 'docs/**/*.md', 'packages/*/*.md', 'apps/*/*.md', 'bench/*.md', 'test-servers/*.md'],
    {
      cwd: root,
      exclude: ['**/node_modules/**', '**/dist/**'],
    },
  )
  const documentation = entries.map(({ path }) => publicNames(path, byPath))
  return [
    counted("files at the root of core's sources", limits.rootFiles, atRoot),
    counted('circles of imports, types included', limits.circles, circles(files)),
    { name: 'casts per 1 000 lines, worst package', limit: limits.casts, ...rates },
    {
      name: 'lines of the longest file',
      value: longest[0]?.lines.length ?? 0,
      limit: limits.fileLines,
      places: longest.slice(0, 20).map(({ path, lines }) => `${path} ${lines.length} lines`),
    },
    counted(
      `functions of more than ${limits.functionLines} lines`,
      limits.longFunctions,
      files
        .flatMap((file) => longFunctions(file, limits.functionLines))
        .sort((left, right) => right.lines - left.lines)
        .map(({ place }) => place),
    ),
    counted('bare throw new Error', limits.bareErrors, files.flatMap(bareErrors)),
    counted(
      `undocumented of ${documentation.reduce((sum, { names }) => sum + names.length, 0)} public names and their members`,
      limits.undocumented,
      documentation.flatMap(({ undocumented }) => undocumented),
    ),
    counted('lines of prose over 160 characters', limits.proseLines, [
      ...markdown.sort().flatMap(longMarkdownLines),
      ...files.flatMap(longCommentLines),
    ]),
    counted(
      `runs of more than ${limits.duplicateLines} duplicate lines`,
      limits.duplicates,
      duplicates(files, limits.duplicateLines),
    ),
  ]
}

const limits = {
  rootFiles: 8,
  circles: 0,
  casts: 4,
  fileLines: 300,
  functionLines: 50,
  longFunctions: 0,
  bareErrors: 0,
  undocumented: 0,
  proseLines: 0,
  duplicateLines: 10,
  duplicates: 0,
}

const found = figures()
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
else {
  for (const { name, value, limit, places } of found) {
    const above = value > limit
    const shown = Number.isInteger(value) ? value : value.toFixed(1)
    process.stdout.write(`${above ? '✘' : '✔'} ${name}: ${shown} (at most ${limit})\n`)
    const named = process.argv.includes('--places') ? places : above ? places.slice(0, 10) : []
    for (const place of named) process.stdout.write(`    ${place}\n`)
  }
}
if (found.some(({ value, limit }) => value > limit)) process.exitCode = 1
