// What callers see of faults: real backends, killed and stopped and worse under load. See `--help`.
import { writeFile } from 'node:fs/promises'
import { disturbedLagMs, type FaultResult } from './fault-result.ts'
import { type ChaosOptions, parseOptions, usage } from './options.ts'
import { Progress } from './progress.ts'
import { brokenPromises, faultLines, jsonDocument, markdown, table } from './report.ts'
import { runSuite } from './suite.ts'

const resultFiles = {
  http: new URL('../../../bench/results/chaos.md', import.meta.url),
  grpc: new URL('../../../bench/results/chaos-grpc.md', import.meta.url),
}

async function run({ transport, long, faults: names, json, write }: ChaosOptions): Promise<boolean> {
  const { stdout, stderr } = process
  const progress = new Progress(json ? stderr : stdout)
  const results = await runSuite({
    faults: names,
    transport,
    long,
    onPhase: (fault, phase) => progress.update(fault, phase),
    onResult: (result) => {
      progress.over(result.name)
      if (!json) stdout.write(faultLines(result, stdout))
    },
  })
  progress.clear()
  const broken = brokenPromises(results)
  const ok = broken.length === 0
  if (json) stdout.write(jsonDocument(results, ok))
  else {
    stdout.write(`\n${table(results, stdout)}\n`)
    stdout.write(ok ? 'Every promise held.\n' : `Broken promises:\n${broken.map((each) => `  ${each}\n`).join('')}`)
  }
  if (write) await writeFile(resultFiles[transport], markdown(results, transport, long))
  warnOfLag(results)
  return ok
}

function warnOfLag(results: readonly FaultResult[]): void {
  const late = results.filter(({ maxLagMs }) => maxLagMs > disturbedLagMs).map(({ name }) => name)
  if (late.length === 0) return
  process.stderr.write(`The load fell behind its schedule by more than ${disturbedLagMs} ms: ${late.join(', ')}\n`)
}

// Ends the backends too.
for (const [signal, status] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.once(signal, () => process.exit(status))
}

let options: ChaosOptions | 'help' | undefined
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
  process.exitCode = 2
}
if (options === 'help') process.stdout.write(`${usage}\n`)
else if (options !== undefined) process.exitCode = (await run(options)) ? 0 : 1
