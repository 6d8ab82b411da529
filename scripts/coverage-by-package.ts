// Prints which share of each package's lines and branches the tests ran, from the summary that `vitest --coverage` wrote. `--write` writes
// the table of the site.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lbVersion } from './lb-version.ts'

interface Count {
  readonly total: number
  readonly covered: number
}

interface FileCoverage {
  readonly lines: Count
  readonly branches: Count
}

const root = fileURLToPath(new URL('..', import.meta.url))
const summary: Record<string, FileCoverage> = JSON.parse(readFileSync(`${root}coverage/coverage-summary.json`, 'utf8'))

const packages = new Map<string, FileCoverage[]>()
for (const [file, coverage] of Object.entries(summary)) {
  const name = /packages\/([^/]+)\/src\//.exec(file)?.[1]
  if (name !== undefined) packages.set(name, [...(packages.get(name) ?? []), coverage])
}

const rows = [...packages].sort(([left], [right]) => left.localeCompare(right))
const table = [
  row('package', 'lines', 'branches'),
  row('---', '--:', '--:'),
  ...rows.map(([name, files]) =>
    row(`@lb/${name}`, percent(files.map(({ lines }) => lines)), percent(files.map(({ branches }) => branches))),
  ),
].join('')
process.stdout.write(table)
if (process.argv.includes('--write'))
  writeFileSync(`${root}docs/explanation/tables/coverage.md`, `${table}\nMeasured with lb ${lbVersion}.\n`)

function percent(counts: readonly Count[]): string {
  const total = counts.reduce((sum, count) => sum + count.total, 0)
  const covered = counts.reduce((sum, count) => sum + count.covered, 0)
  return total === 0 ? '–' : `${((100 * covered) / total).toFixed(1)} %`
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`
}
