import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lbVersion } from '../lb-version.ts'

/** What breaking one folder of core's sources showed. */
export interface MutationResult {
  readonly breaks: number
  /** The breaks that no test noticed: file, line, and what was there instead. */
  readonly survived: readonly string[]
}

/** Folders are broken at different times: all of them take hours. */
interface DatedResult extends MutationResult {
  /** The version of lb that was broken. */
  readonly lb: string
}

const resultsFile = fileURLToPath(new URL('results.json', import.meta.url))
const table = fileURLToPath(new URL('../../docs/explanation/tables/mutation.md', import.meta.url))

/** Keeps `results`, by folder, beside those of other folders, and writes the table of the site. */
export function keepResults(results: Readonly<Record<string, MutationResult>>): void {
  const before: Record<string, DatedResult> = existsSync(resultsFile)
    ? JSON.parse(readFileSync(resultsFile, 'utf8'))
    : {}
  const dated = Object.entries(results).map(([folder, result]) => [folder, { lb: lbVersion, ...result }] as const)
  const all = Object.entries({ ...before, ...Object.fromEntries(dated) }).sort(([left], [right]) =>
    left.localeCompare(right),
  )
  writeFileSync(resultsFile, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`)
  writeFileSync(table, `${[...rows(all), '', ...survivors(all)].join('\n')}\n`)
}

type Results = readonly (readonly [string, DatedResult])[]

function rows(all: Results): string[] {
  const lines = all.map(([folder, { breaks, survived, lb }]) => {
    const share = (100 * survived.length) / Math.max(1, breaks)
    return `| \`${folder}\` | ${breaks} | ${survived.length} | ${share.toFixed(1)} % | ${lb} |`
  })
  return ['| folder of core | breaks | not noticed | share | lb |', '| --- | --: | --: | --: | --- |', ...lines]
}

function survivors(all: Results): string[] {
  const lines = all.flatMap(([, { survived }]) => survived)
  return ['::: details The breaks that no test notices', '', '```text', ...lines, '```', '', ':::']
}
