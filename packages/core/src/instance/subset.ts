import { checkInteger, rejectOption } from '../base/option-checks.ts'
import { type DefaultedOption, integerOption, type OptionTable, objectOption } from '../base/option-table.ts'
import { evenSubset } from './even-subset.ts'
import type { ServiceInstance } from './instance.ts'
import { rendezvousSubset } from './rendezvous-subset.ts'

/**
 * Limits a client to some of the instances, so that not every client connects to every instance. `index` and `clients`
 * say which ones, or `clientId` where no index is known.
 */
export interface SubsetOptions {
  /** The number of instances, ≥ 1. */
  readonly size: number
  /**
   * The number of this client among `clients`, from 0, such as the ordinal in a StatefulSet. With it, the subsets are
   * even: the numbers of clients of any two instances differ by at most one. Every client needs an index of its own.
   * @default undefined: `clientId` identifies this client
   */
  readonly index?: number | undefined
  /**
   * How many clients there are, from 1 to 100 000; with `index`, and the same for all of them. While a few clients know
   * the number of before, the subsets are nearly even. Beyond 10 million pairs of a client and an instance, they are even
   * only on average, as with `clientId`.
   * @default undefined: `clientId` identifies this client
   */
  readonly clients?: number | undefined
  /**
   * Identifies this client where it has no index, and stays the same when it restarts, such as a host name. The subsets
   * are then even only on average: an instance that has c clients on average has c ± √c, so with few clients some
   * instances are not used at all. From about 100 clients for each instance, that is within a tenth.
   * @default undefined: `index` and `clients` identify this client
   */
  readonly clientId?: string | undefined
}

const maxClients = 100_000

/** So many pairs of a client and an instance take about a second to match, in which nothing else runs. */
const maxMatchedPairs = 10_000_000

export const subsetTable: OptionTable<SubsetOptions, 'size' | 'index' | 'clients' | 'clientId'> = {
  size: {
    legal: 'integer ≥ 1; required',
    check: (path, given) => {
      if (given === undefined) rejectOption(path, 'an integer of at least 1', given)
      checkInteger(path, given, 1, Number.MAX_SAFE_INTEGER)
    },
  },
  index: integerOption({ max: maxClients - 1 }),
  clients: integerOption({ min: 1, max: maxClients }),
  clientId: {
    legal: 'string that is not empty',
    check: (path, given) => {
      if (given === undefined) return
      if (typeof given !== 'string' || given === '') rejectOption(path, 'a string that is not empty', given)
    },
  },
}

const options = objectOption<SubsetOptions>(subsetTable, false)

/** The option `subset`: besides its fields, that they identify the client in one way. */
export const subsetOption: DefaultedOption<SubsetOptions | false> = {
  ...options,
  check: (path, given) => {
    options.check(path, given)
    if (typeof given === 'object' && given !== null) checkClient(path, given)
  },
}

function checkClient(path: string, { index, clients, clientId }: Partial<SubsetOptions>): void {
  if (clientId !== undefined) {
    if (index !== undefined)
      rejectOption(`${path}.index`, 'absent beside clientId: one of them identifies a client', index)
    if (clients !== undefined) rejectOption(`${path}.clients`, 'absent beside clientId, as it goes with index', clients)
    return
  }
  if (index === undefined && clients === undefined)
    rejectOption(`${path}.clientId`, 'a string that is not empty, unless index and clients are given', clientId)
  if (index === undefined) rejectOption(`${path}.index`, 'an integer of at least 0, beside clients', index)
  if (clients === undefined) rejectOption(`${path}.clients`, 'an integer greater than index, beside it', clients)
  if (index >= clients) rejectOption(`${path}.index`, `less than clients, which is ${clients}`, index)
}

/** The instances that this client uses, in list order. The options are checked already. */
export function subsetOf(
  instances: readonly ServiceInstance[],
  { size, index, clients, clientId }: SubsetOptions,
): readonly ServiceInstance[] {
  if (clientId !== undefined) return rendezvousSubset(instances, { size, clientId })
  const [own, all] = [index ?? 0, clients ?? 1]
  // All clients know both numbers, and so they agree.
  if (instances.length * all > maxMatchedPairs) return rendezvousSubset(instances, { size, clientId: `${own}` })
  return evenSubset(instances, { size, index: own, clients: all })
}
