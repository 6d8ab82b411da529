import { createRequire } from 'node:module'
import { ServiceBroker, Strategies } from 'moleculer'
import { type Contender, hostOf } from '../contender.ts'

/** The registry's list of the nodes that offer an action; `next` is what each call goes through. */
interface EndpointList {
  add(node: { readonly id: string }, service: { readonly name: string }, action: { readonly name: string }): unknown
  next(context?: undefined): object | null
}

type EndpointListClass = new (
  registry: unknown,
  broker: ServiceBroker,
  name: string,
  group: null,
  endpointFactory: unknown,
  strategyFactory: unknown,
) => EndpointList

// The package exports only its entry, so its files are required from there.
const requireInside = createRequire(createRequire(import.meta.url).resolve('moleculer'))
const EndpointListConstructor: EndpointListClass = requireInside('./src/registry/endpoint-list.js')
const ActionEndpoint: unknown = requireInside('./src/registry/endpoint-action.js')

const action = { name: 'user.get' }

export const moleculerRoundRobin: Contender = {
  name: 'moleculer RoundRobin',
  open(count) {
    const endpoints = endpointsOf(count, Strategies.RoundRobin)
    return { run: (picks) => nextInTurn(endpoints, picks) }
  },
}

function nextInTurn(endpoints: EndpointList, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (endpoints.next() === null) missing++
  return missing
}

export const moleculerRandom: Contender = {
  name: 'moleculer Random (unweighted)',
  open(count) {
    const endpoints = endpointsOf(count, Strategies.Random)
    return { run: (picks) => nextAtRandom(endpoints, picks) }
  },
}

function nextAtRandom(endpoints: EndpointList, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (endpoints.next() === null) missing++
  return missing
}

/** A broker that is not started, so that nothing is connected. */
function endpointsOf(count: number, strategy: unknown): EndpointList {
  const broker = new ServiceBroker({ logger: false, nodeID: 'local' })
  const endpoints = new EndpointListConstructor(broker.registry, broker, action.name, null, ActionEndpoint, strategy)
  for (let index = 0; index < count; index++) endpoints.add({ id: hostOf(index) }, { name: 'user' }, action)
  return endpoints
}
