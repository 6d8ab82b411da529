import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** One JSON document on stdout instead of the table. */
  readonly json: boolean
  /** Requests in each phase. */
  readonly requests: number
}

/** Whole cycles of 3 instances, of weights 5, 1, 1, and of two groups with two members: shares are then exact. */
const requestsUnit = 42
const defaultRequests = 2_100
const maxRequests = 10_000_000

export const usage: string = `Usage: npm start -- [--requests N] [--json]

  --requests N   requests in each phase, rounded up to a multiple of ${requestsUnit} (default ${defaultRequests})
  --json         print one JSON document on stdout instead of the table
  --help         print this`

/** Throws an error fit for the terminal. `'help'` asks for the usage. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean' }, requests: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help === true) return 'help'
  const requests = Number(values.requests ?? defaultRequests)
  if (!Number.isInteger(requests) || requests < 1 || requests > maxRequests) {
    throw new RangeError(`--requests must be an integer in [1, ${maxRequests}], got ${values.requests}`)
  }
  return { json: values.json === true, requests: Math.ceil(requests / requestsUnit) * requestsUnit }
}
