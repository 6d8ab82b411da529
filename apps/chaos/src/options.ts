import { parseArgs } from 'node:util'
import { type FaultName, faults } from './faults.ts'
import { type Transport, transports } from './transport.ts'

export interface ChaosOptions {
  /** Over which protocol requests go. */
  readonly transport: Transport
  /** Longer faults, so that instances are ejected more than once. */
  readonly long: boolean
  /** The faults to inflict, in their order. */
  readonly faults: readonly FaultName[]
  /** One JSON document on stdout instead of the table. */
  readonly json: boolean
  /** Write bench/results/chaos.md. */
  readonly write: boolean
}

const names: readonly FaultName[] = faults.map(({ name }) => name)

export const usage: string = `Usage: pnpm chaos [--transport NAME] [--long] [--fault NAME]... [--json] [--write]

  --transport NAME  http (the default) or grpc
  --long         longer faults, so that instances are ejected more than once
  --fault NAME   only this fault; may be given several times. NAME is one of:
                 ${names.join(', ').replaceAll(/(.{40,64},) /g, '$1\n                 ')}
  --json         print one JSON document on stdout instead of the table
  --write        write bench/results/chaos.md, or chaos-grpc.md; only when every fault is inflicted
  --help         print this`

/** Throws an error fit for the terminal. `'help'` asks for the usage. */
export function parseOptions(args: readonly string[]): ChaosOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      transport: { type: 'string', default: 'http' },
      long: { type: 'boolean', default: false },
      fault: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return 'help'
  const { long, fault, json, write } = values
  const transport = transports.find((known) => known === values.transport)
  if (transport === undefined) {
    throw new RangeError(`--transport must be one of ${transports.join(', ')}, got ${values.transport}`)
  }
  const unknown = fault.find((name) => !names.some((known) => known === name))
  if (unknown !== undefined) {
    throw new RangeError(`--fault must be one of ${names.join(', ')}, got ${unknown}`)
  }
  if (write && fault.length > 0) throw new RangeError('--write needs every fault; leave out --fault')
  const chosen = fault.length === 0 ? names : names.filter((name) => fault.includes(name))
  return { transport, long, faults: chosen, json, write }
}
