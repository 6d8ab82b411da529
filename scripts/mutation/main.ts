// Breaks core's sources a place at a time and counts the breaks that no test notices: pnpm mutation [folder of packages/core/src …].
// `--write` keeps what it found of each folder for the site.
import { keepResults, type MutationResult } from './results.ts'
import { breakSources, type Mutants, sources, survived } from './stryker.ts'

/** At most this share of the breaks may survive, in percent. */
const limit = 5

const given = process.argv.slice(2).filter((argument) => argument !== '--write')
const paths = given.length === 0 ? ['balancer', 'retry', 'health/outliers'] : given

for (const path of paths) {
  const result = resultOf(breakSources([`${sources}/${path}/**/*.ts`], path))
  const { breaks, survived: left } = result
  const share = (100 * left.length) / Math.max(1, breaks)
  for (const line of left) process.stdout.write(`${line}\n`)
  process.stdout.write(
    `${path}: ${breaks} breaks, ${left.length} survived: ${share.toFixed(1)} % (at most ${limit} %)\n`,
  )
  if (share > limit) process.exitCode = 1
  if (process.argv.includes('--write')) keepResults({ [path]: result })
}

function resultOf(mutants: Mutants): MutationResult {
  const tried = [...mutants].flatMap(([file, found]) => found.map((mutant) => ({ file, ...mutant })))
  const left = tried.filter(survived)
  const noticed = tried.filter(({ status }) => status === 'Killed' || status === 'Timeout')
  return {
    breaks: noticed.length + left.length,
    survived: left.map(({ file, location, mutatorName, replacement = '' }) => {
      const change = replacement.replace(/\s+/g, ' ').slice(0, 80)
      return `${file.slice(sources.length + 1)}:${location.start.line} ${mutatorName}: ${change}`
    }),
  }
}
