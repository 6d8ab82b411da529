// The main job: three backends, real requests, and what lb promises about them. See `--help`.
import { DashboardPage } from './dashboard-page.ts'
import { Demonstration } from './demonstration.ts'
import { type DemoOptions, parseOptions, usage } from './options.ts'
import { type PhaseResult, phaseNames } from './phase.ts'
import { Progress } from './progress.ts'
import { jsonDocument, phaseLines, table } from './report.ts'

async function run({ json, requests }: DemoOptions): Promise<boolean> {
  await using page = await DashboardPage.open()
  const progress = new Progress(json ? process.stderr : process.stdout)
  const demonstration = new Demonstration({
    requests,
    onProgress: (phase, done, total) => progress.update(phase, done, total),
    onConnect: (lb) => page.show(lb),
  })
  const phases: PhaseResult[] = []
  if (!json) {
    process.stdout.write(
      `Three instances of user-service (weights 5, 1, 1), ${requests} requests a phase through axios\n` +
        `Dashboard while it runs: ${page.url}\n\n`,
    )
  }
  for await (const phase of demonstration.phases()) {
    progress.clear()
    phases.push(phase)
    if (!json) process.stdout.write(phaseLines(phase, process.stdout))
  }
  const ok = phases.length === phaseNames.length && phases.every((phase) => phase.ok)
  if (json) process.stdout.write(jsonDocument(phases, ok))
  else {
    process.stdout.write(`\n${table(phases, process.stdout)}\n`)
    process.stdout.write(ok ? 'Every promise held.\n' : 'A promise was broken.\n')
  }
  return ok
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options === 'help') process.stdout.write(`${usage}\n`)
  else process.exitCode = (await run(options)) ? 0 : 1
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
  process.exitCode = 2
}
