import { checkNumber, rejectOption } from '../../base/option-checks.ts'
import {
  checkOptions,
  type DefaultedOption,
  integerOption,
  numberOption,
  type Option,
  type OptionTable,
  withDefaults,
} from '../../base/option-table.ts'

/** Prefers instances in the client's own zone, unless that overloads them. */
export interface ZoneOptions {
  /** The zone of this process, as written in the instances' `zone`. */
  readonly local: string
  /** With fewer usable instances, zones are ignored; an integer ≥ 1. @default 6 */
  readonly minInstances?: number | undefined
  /**
   * With a smaller share of usable instances in the local zone, from 0 to 1, zones are ignored.
   * @default 0.7, or 0 with `clients`, which counts the capacity of usable instances only
   */
  readonly minLocalHealth?: number | undefined
  /**
   * Share of the clients in each zone, such as `{ a: 40, b: 40, c: 20 }`: numbers ≥ 0, that of `local` above 0. With it,
   * the local zone gets exactly what it can take, and the rest goes where capacity is free, so that all clients together
   * load every instance alike.
   * @default undefined: the local zone comes first, and load spills
   */
  readonly clients?: Readonly<Record<string, number>> | undefined
  /**
   * While `clients` is unknown: a request goes to another zone if the local instances have, on average, more than this
   * many times the requests in flight of the others, and more than one each; from 1 to 1 000.
   * @default 1.5
   */
  readonly spillAt?: number | undefined
}

/** `ZoneOptions` with every default filled in. */
export interface ZonePolicy {
  readonly local: string
  readonly minInstances: number
  readonly minLocalHealth: number
  readonly clients: Readonly<Record<string, number>> | undefined
  readonly spillAt: number
}

const localOption: Option<string> = {
  legal: 'string that is not empty; required',
  check: (path, given) => {
    if (typeof given !== 'string' || given === '') {
      rejectOption(path, 'the name of the zone this process runs in', given)
    }
  },
}

const clientsOption: Option<Readonly<Record<string, number>>> = {
  legal: 'object of zone names and numbers ≥ 0',
  copied: true,
  check: (path, given) => {
    if (given === undefined) return
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      rejectOption(path, 'an object of zone names and numbers', given)
    }
    for (const [zone, share] of Object.entries(given)) {
      checkNumber(`${path}.${zone}`, share ?? Number.NaN, 0, Number.MAX_VALUE)
    }
  },
}

/** What may be said of zones. */
export const zoneTable: OptionTable<ZoneOptions, 'local' | 'minLocalHealth' | 'clients'> = {
  local: localOption,
  minInstances: integerOption({ min: 1, default: 6 }),
  minLocalHealth: numberOption({ max: 1 }),
  clients: clientsOption,
  spillAt: numberOption({ min: 1, max: 1_000, default: 1.5 }),
}

/** The name of the local zone, `ZoneOptions`, or `false`. */
export const zoneOption: DefaultedOption<ZoneOptions | string | false> = {
  legal: 'name of the local zone, object, or false',
  default: false,
  fields: zoneTable,
  copied: true,
  check: (path, given) => {
    if (given === undefined || given === false) return
    if (typeof given === 'string') {
      if (given === '') rejectOption(path, 'the name of a zone, ZoneOptions or false', given)
      return
    }
    checkOptions(path, given, zoneTable)
    checkLocalClients(path, Object(given))
  },
}

function checkLocalClients(path: string, { local, clients }: ZoneOptions): void {
  if (clients === undefined) return
  const share = Object.hasOwn(clients, local) ? clients[local] : undefined
  if (share === undefined || share === 0) {
    rejectOption(`${path}.clients.${local}`, 'a number above 0, as this process is one of its clients', share)
  }
}

/** The policy that `options` (checked before) mean. */
export function zonePolicy(options: ZoneOptions | string | false | undefined): ZonePolicy | undefined {
  if (options === undefined || options === false) return undefined
  const given: ZoneOptions = typeof options === 'string' ? { local: options } : options
  const { local, clients, minLocalHealth = clients === undefined ? 0.7 : 0 } = given
  return { ...withDefaults(given, zoneTable), local, clients, minLocalHealth }
}
