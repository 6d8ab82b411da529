import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One break of a file, and what became of it. */
export interface Mutant {
  readonly status: string
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: Place; readonly end: Place }
}

interface Place {
  readonly line: number
  readonly column: number
}

/** The breaks of each file, by its path in the repository. */
export type Mutants = ReadonlyMap<string, readonly Mutant[]>

/** Core's sources in the repository. */
export const sources = 'packages/core/src'
const root = fileURLToPath(new URL('../..', import.meta.url))
const reportFile = `${root}.stryker/report.json`

/** Whether no test noticed it. */
export function survived({ status }: Mutant): boolean {
  return status === 'Survived' || status === 'NoCoverage'
}

/**
 * Breaks what `patterns` match. Few breaks survive the tests of their own folder, which are run first; only those that do are tried with all
 * tests of core, which take many times as long.
 */
export function breakSources(patterns: readonly string[], tests: string): Mutants {
  const near = runStryker(patterns, { MUTATION_TESTS: tests })
  const lines = [...near].flatMap(([file, mutants]) =>
    mutants.filter(survived).map(({ location: { start, end } }) => `${file}:${start.line}-${end.line}`),
  )
  if (lines.length === 0) return near
  const far = runStryker([...new Set(lines)], {})
  return new Map([...near].map(([file, mutants]) => [file, mutants.map((mutant) => worseOf(mutant, far.get(file)))]))
}

/** A break that survived the first run, as the second one found it. */
function worseOf(mutant: Mutant, again: readonly Mutant[] = []): Mutant {
  return survived(mutant) ? (again.find((each) => identityOf(each) === identityOf(mutant)) ?? mutant) : mutant
}

function identityOf({ mutatorName, replacement, location }: Mutant): string {
  return JSON.stringify([mutatorName, replacement, location])
}

function runStryker(patterns: readonly string[], env: Readonly<Record<string, string>>): Mutants {
  rmSync(reportFile, { force: true })
  const mutate = `${patterns.join()},!**/*.test.ts`
  spawnSync('pnpm', ['exec', 'stryker', 'run', 'scripts/mutation/stryker.config.json', '--mutate', mutate], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  })
  if (!existsSync(reportFile)) throw new Error('Stryker wrote no report: see above.')
  const { files }: { readonly files: Readonly<Record<string, { readonly mutants: readonly Mutant[] }>> } = JSON.parse(
    readFileSync(reportFile, 'utf8'),
  )
  return new Map(Object.entries(files).map(([file, { mutants }]) => [file, mutants]))
}
