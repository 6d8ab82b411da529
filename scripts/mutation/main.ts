// Breaks core's sources a place at a time and counts the breaks that no test notices: pnpm mutation [folder of packages/core/src …].
// `--write` keeps what it found of each folder for the site.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { keepResults, type MutationResult } from './results.ts'

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
const folders = process.argv.slice(2).filter((argument) => argument !== '--write')
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
const { files }: Report = JSON.parse(readFileSync(reportFile, 'utf8'))
const results = Object.fromEntries(paths.map((path) => [path, resultOf(path)]))
if (process.argv.includes('--write')) keepResults(results)

function resultOf(path: string): MutationResult {
  let noticed = 0
  let timeouts = 0
  const survived: string[] = []
  for (const [file, { mutants }] of Object.entries(files)) {
    if (!file.startsWith(`${sources}/${path}`)) continue
    for (const { status, location, mutatorName, replacement = '' } of mutants) {
      if (status === 'Killed' || status === 'Timeout') noticed++
      if (status === 'Timeout') timeouts++
      if (status !== 'Survived' && status !== 'NoCoverage') continue
      const change = replacement.replace(/\s+/g, ' ').slice(0, 80)
      survived.push(`${file.slice(sources.length + 1)}:${location.start.line} ${mutatorName}: ${change}`)
    }
  }
  const breaks = noticed + survived.length
  const share = (100 * survived.length) / Math.max(1, breaks)
  for (const line of survived) process.stdout.write(`${line}\n`)
  process.stdout.write(
    `${path}: ${breaks} breaks, ${timeouts} of them noticed by a timeout, ${survived.length} survived: ${share.toFixed(1)} % (at most ${limit} %)\n`,
  )
  if (share > limit) process.exitCode = 1
  return { breaks, survived }
}

function isFolder(path: string): boolean {
  const full = `${root}${sources}/${path}`
  return existsSync(full) && statSync(full).isDirectory()
}
