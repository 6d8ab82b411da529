// One client in a process of its own: contender.ts KIND ADDRESS…, with its kind as JSON. Does what its parent asks.
import { obeyParent } from '../asked-process.ts'
import { type ContenderKind, openContender } from './contenders.ts'
import { type LoadOrder, load } from './load.ts'

const [json = '', ...addresses] = process.argv.slice(2)
const kind: ContenderKind = JSON.parse(json)
const contender = openContender(kind, addresses)
obeyParent((order: LoadOrder) => load(contender, order))
