import * as grpc from '@grpc/grpc-js'
import { type BalancerName, LoadBalancer, StaticDiscovery } from '@lb/core'
import { registerLoadBalancer } from '@lb/grpc'
import { path } from './method.ts'

/** A client of the servers. */
export interface Contender {
  readonly name: string
  readonly client: grpc.Client
  close(): Promise<void>
}

export const lbName = 'lb'
/** Knows which server is slow: what no balancer can do better. */
export const withoutSlow = 'without the slow server'
export const roundRobin = 'grpc-js round_robin'
const pickFirst = 'grpc-js pick_first'

let registered = 0
const insecure = grpc.credentials.createInsecure()
// So that no contender shares connections with another.
const own = { 'grpc.use_local_subchannel_pool': 1 }

export interface LbContenderOptions {
  readonly balancer?: BalancerName | undefined
  /** Whether calls may be repeated. */
  readonly idempotent?: boolean
  /** What its name says besides. */
  readonly note?: string | undefined
}

type GrpcPolicy = 'round_robin' | 'pick_first'

/** A client of lb, with its options, or one of grpc-js alone. */
export interface ContenderKind extends LbContenderOptions {
  readonly policy: 'lb' | GrpcPolicy
}

export function nameOf({ policy, balancer, note }: ContenderKind): string {
  if (policy !== 'lb') return policy === 'round_robin' ? roundRobin : pickFirst
  return [lbName, balancer, note].filter(Boolean).join(' ')
}

export function openContender(kind: ContenderKind, addresses: readonly string[]): Contender {
  return kind.policy === 'lb' ? lbContender(addresses, kind) : grpcContender(addresses, kind.policy)
}

/** With a balancer of lb. */
export function lbContender(
  addresses: readonly string[],
  { balancer, idempotent = false, note }: LbContenderOptions = {},
): Contender {
  const lb = new LoadBalancer({
    discovery: new StaticDiscovery({ users: addresses }),
    ...(balancer === undefined ? undefined : { balancer }),
  })
  const scheme = `lb${registered++}`
  registerLoadBalancer(lb, { scheme, idempotent: idempotent ? [path] : [] })
  const client = new grpc.Client(`${scheme}:users`, insecure, own)
  return {
    name: nameOf({ policy: 'lb', balancer, note }),
    client,
    close: async () => {
      client.close()
      await lb.close()
    },
  }
}

/** grpc-js alone, with one of its policies. */
export function grpcContender(addresses: readonly string[], policy: GrpcPolicy): Contender {
  const config = { loadBalancingConfig: [{ [policy]: {} }] }
  const options = { ...own, 'grpc.service_config': JSON.stringify(config) }
  const client = new grpc.Client(`ipv4:${addresses.join(',')}`, insecure, options)
  return {
    name: nameOf({ policy }),
    client,
    close: async () => client.close(),
  }
}
