// Lets random load balancers live through random steps: `pnpm fuzz [--long | --minutes 30 | --seed 7]`. A failure names its seed.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { long: { type: 'boolean' }, minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
})
const { long, minutes, seed } = values
const fuzz = seed === undefined ? { LB_FUZZ_MINUTES: long ? '480' : minutes } : { LB_FUZZ_SEED: seed }
const { status } = spawnSync('vitest', ['run', '--project', 'lb', 'packages/core/test/state-machine'], {
  env: { ...process.env, ...fuzz },
  stdio: 'inherit',
})
process.exitCode = status ?? 1
