/**
 * A gateway of two proxies, over HTTP/1.1 and HTTP/2, under random clients while instances leave and die: `pnpm soak:gateway`, after
 * `pnpm build`. `--seconds` takes longer or shorter than 300; `--seed` has other conversations. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { judge, targetLines } from '../target.ts'
import { report, targets } from './report.ts'
import { soakGateway } from './soak.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
const seconds = Number(values.seconds ?? 300)
const seed = Number(values.seed ?? 1)
if (!(seconds > 0) || !Number.isInteger(seed)) throw new RangeError('--seconds must be above 0, --seed an integer')
const result = await soakGateway({ seconds, seed, concurrency: 24 })
console.log([report(result), ...targetLines(targets(result))].join('\n'))
judge(targets(result))
