// Breaks core's sources a line at a time and counts the breaks that no test notices: pnpm mutation [folder of packages/core/src …].
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Mutant {
  readonly status: string
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: { readonly line: number } }
}

interface Report {
  readonly files: Record<string, { readonly mutants: readonly Mutant[] }>
}

/** At most this share of the breaks may survive, in percent. */
const limit = 5

const root = fileURLToPath(new URL('../..', import.meta.url))
const reportFile = `${root}.stryker/report.json`
const sources = 'packages/core/src'
const folders = process.argv.slice(2)
const paths = folders.length === 0 ? ['balancer', 'retry', 'health/outliers'] : folders
const patterns = paths.map((path) => (isFolder(path) ? `${sources}/${path}/**/*.ts` : `${sources}/${path}`))

rmSync(reportFile, { force: true })
spawnSync(
  'pnpm',
  ['exec', 'stryker', 'run', 'scripts/mutation/stryker.config.json', '--mutate', `${patterns.join()},!**/*.test.ts`],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  },
)
if (!existsSync(reportFile)) throw new Error('Stryker wrote no report: see above.')
report(JSON.parse(readFileSync(reportFile, 'utf8')))

function report({ files }: Report): void {
  let noticed = 0
  let missed = 0
  for (const [file, { mutants }] of Object.entries(files)) {
    for (const { status, location, mutatorName, replacement = '' } of mutants) {
      if (status === 'Killed' || status === 'Timeout') noticed++
      if (status !== 'Survived' && status !== 'NoCoverage') continue
      missed++
      process.stdout.write(
        `${file}:${location.start.line} ${mutatorName}: ${replacement.replace(/\s+/g, ' ').slice(0, 100)}\n`,
      )
    }
  }
  const share = (100 * missed) / Math.max(1, noticed + missed)
  process.stdout.write(`${noticed + missed} breaks, ${missed} survived: ${share.toFixed(1)} % (at most ${limit} %)\n`)
  process.exitCode = share <= limit ? 0 : 1
}

function isFolder(path: string): boolean {
  const full = `${root}${sources}/${path}`
  return existsSync(full) && statSync(full).isDirectory()
}
