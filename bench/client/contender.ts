// One client in a process of its own: contender.ts <name> <backend>… Does what its parent asks and tells what it found.
import { obeyParent } from '../asked-process.ts'
import { contenders } from './contenders.ts'
import { type LoadOrder, load } from './load.ts'
import { type OutageOrder, PacedLoad } from './paced-load.ts'

/** What the parent asks for. */
export type Order = { readonly load: LoadOrder } | { readonly pace: OutageOrder } | { readonly stop: true }

const [name = '', ...backends] = process.argv.slice(2)
const create = contenders[name]
if (create === undefined) throw new Error(`no contender ${name}`)
const send = create(backends)
let paced: PacedLoad | undefined

async function obey(order: Order): Promise<unknown> {
  if ('load' in order) return load(send, order.load)
  if ('stop' in order) return paced?.stop()
  paced = new PacedLoad(send, order.pace)
  return {}
}

obeyParent(obey)
