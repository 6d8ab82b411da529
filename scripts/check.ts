// Everything that is checked, one gate after the other: check.ts [arguments for vitest]. `--fast` leaves out the gates
// that build the site, fetch runtimes, or pack the packages.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

interface Gate {
  readonly name: string
  readonly command: readonly string[]
  /** Part of `--fast`. */
  readonly fast: boolean
}

const args = process.argv.slice(2)
const fast = args.includes('--fast')
const vitestArgs = args.filter((argument) => argument !== '--fast')

const gates: readonly Gate[] = [
  { name: 'build', command: ['pnpm', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only'], fast: true },
  { name: 'types', command: ['pnpm', 'exec', 'turbo', 'run', 'typecheck', '--output-logs=errors-only'], fast: true },
  { name: 'types of scripts and tests', command: ['pnpm', 'exec', 'tsc', '-p', 'tsconfig.json'], fast: true },
  { name: 'format and lint', command: ['pnpm', 'exec', 'biome', 'check', '--error-on-warnings', '.'], fast: true },
  { name: 'lint with types', command: ['pnpm', 'exec', 'oxlint', '--type-aware', '--deny-warnings'], fast: true },
  { name: 'unused code', command: ['pnpm', 'exec', 'knip'], fast: true },
  { name: 'figures', command: ['node', 'scripts/figures/main.ts'], fast: true },
  { name: 'walk', command: ['node', 'scripts/walk/main.ts'], fast: true },
  { name: 'public API', command: ['node', 'scripts/api-reports.ts'], fast: true },
  { name: 'sizes', command: ['node', 'scripts/size-limits.ts'], fast: true },
  { name: 'licences', command: ['node', 'scripts/licences.ts'], fast: true },
  { name: 'tests', command: ['pnpm', 'exec', 'vitest', 'run', ...vitestArgs], fast: true },
  { name: 'site', command: ['pnpm', 'docs:check'], fast: false },
  { name: 'runtimes', command: ['node', 'scripts/check-runtimes.ts'], fast: false },
  { name: 'packages', command: ['node', 'scripts/check-packages.ts'], fast: false },
]

const root = fileURLToPath(new URL('..', import.meta.url))
const failed: string[] = []
const due = gates.filter((gate) => gate.fast || !fast)
for (const { name, command } of due) {
  const [program = '', ...programArgs] = command
  const startedAt = performance.now()
  process.stdout.write(`\n── ${name}: ${command.join(' ')}\n`)
  const { status } = spawnSync(program, programArgs, { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  process.stdout.write(`── ${name}: ${status === 0 ? 'passed' : 'FAILED'} after ${seconds} s\n`)
  if (status !== 0) failed.push(name)
}
process.stdout.write(failed.length === 0 ? '\nEvery gate passed.\n' : `\nFailed: ${failed.join(', ')}\n`)
process.stdout.write(`gates: ${due.length - failed.length} passed, ${failed.length} failed\n`)
process.exitCode = failed.length === 0 ? 0 : 1
