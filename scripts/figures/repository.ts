// What is counted in this repository: the files, and the figures of them.
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { circles } from './circles.ts'
import { publicNames } from './documentation.ts'
import { duplicates } from './duplicates.ts'
import { counted, type Figure } from './figure.ts'
import { againstTheFloors } from './floors.ts'
import { lengths, limits } from './limits.ts'
import { longCommentLines, longMarkdownLines } from './prose.ts'
import { readSourceFile, root, type SourceFile } from './source-file.ts'
import { bareErrors, casts, longFunctions } from './syntax-figures.ts'

/** The code of the site: its parts, its pictures and playground, what checks it, and the programs that its pages show. */
const site = [
  'docs/*.{ts,mjs}',
  'docs/{check-site,learn,recipes}/**/*.{ts,cjs}',
  'docs/.vitepress/{*,{pictures,playground}/*}.ts',
]

/** Every figure of the sources of the packages, tests left out, of the site and of the prose. */
export function figuresOfRepository(): Figure[] {
  const paths = globSync('packages/*/src/**/*.ts', { cwd: root }).filter((path) => !/\.(?:test|suite)\.ts$/.test(path))
  const sources = paths.sort().map(readSourceFile)
  const files = [...sources, ...globSync(site, { cwd: root }).sort().map(readSourceFile)]
  return [
    counted(
      "files at the root of core's sources",
      limits.rootFiles,
      paths.filter((path) => /^packages\/core\/src\/[^/]+$/.test(path)),
    ),
    counted('imports against the floors of core', limits.floors, againstTheFloors(sources)),
    counted('circles of imports, types included', limits.circles, circles(files)),
    castsOfWorstPackage(sources),
    longestFiles(files),
    counted(
      `functions of more than ${lengths.functionLines} lines`,
      limits.longFunctions,
      files
        .flatMap((file) => longFunctions(file, lengths.functionLines))
        .sort((left, right) => right.lines - left.lines)
        .map(({ place }) => place),
    ),
    counted('bare throw new Error', limits.bareErrors, sources.flatMap(bareErrors)),
    undocumentedNames(sources),
    counted(`lines of prose over ${lengths.proseCharacters} characters`, limits.longProse, [
      ...longProse(),
      ...files.flatMap((file) => longCommentLines(file, lengths.proseCharacters)),
    ]),
    counted(
      `runs of more than ${lengths.duplicateLines} duplicate lines`,
      limits.duplicates,
      duplicates(files, lengths.duplicateLines),
    ),
  ]
}

function castsOfWorstPackage(files: readonly SourceFile[]): Figure {
  const packages = new Set(files.map(({ path }) => path.split('/')[1]))
  const rates = Array.from(packages, (name) => {
    const own = files.filter(({ path }) => path.startsWith(`packages/${name}/`))
    const count = own.flatMap(casts).length
    return { name, count, rate: (1_000 * count) / own.reduce((sum, { lines }) => sum + lines.length, 0) }
  }).sort((left, right) => right.rate - left.rate)
  return {
    name: 'casts per 1 000 lines, worst package',
    value: rates[0]?.rate ?? 0,
    limit: limits.castsPerThousand,
    places: rates.map(({ name, count, rate }) => `@lb/${name} ${rate.toFixed(1)} (${count})`),
  }
}

function longestFiles(files: readonly SourceFile[]): Figure {
  const longest = files.toSorted((left, right) => right.lines.length - left.lines.length)
  return {
    name: 'lines of the longest file',
    value: longest[0]?.lines.length ?? 0,
    limit: limits.fileLines,
    places: longest.slice(0, 20).map(({ path, lines }) => `${path} ${lines.length} lines`),
  }
}

/** Counted from the entries of each package, as its package.json has them: `.` is `src/index.ts`, `./suites` is `src/suites.ts`. */
function undocumentedNames(files: readonly SourceFile[]): Figure {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const entries = globSync('packages/*/package.json', { cwd: root }).sort().flatMap(entriesOf)
  const found = entries.map((entry) => publicNames(entry, byPath))
  const names = found.reduce((sum, each) => sum + each.names.length, 0)
  return counted(
    `undocumented of ${names} public names and their members`,
    limits.undocumented,
    found.flatMap(({ undocumented }) => undocumented),
  )
}

function entriesOf(manifest: string): string[] {
  const { exports = {} } = JSON.parse(readFileSync(resolve(root, manifest), 'utf8')) as { exports?: object }
  return Object.keys(exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => manifest.replace('package.json', `src/${entry === '.' ? 'index' : entry.slice(2)}.ts`))
}

function longProse(): string[] {
  const paths = globSync(['*.md', '{docs,packages,apps,bench,scripts,test-servers}/**/*.md'], {
    cwd: root,
    exclude: ['**/node_modules/**', '**/dist/**'],
  })
  return paths
    .sort()
    .flatMap((path) => longMarkdownLines(path, readFileSync(resolve(root, path), 'utf8'), lengths.proseCharacters))
}
