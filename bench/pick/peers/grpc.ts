import { createRequire } from 'node:module'
import { connectivityState, experimental, Metadata, status } from '@grpc/grpc-js'
import { type Contender, hostOf, weightOf } from '../contender.ts'

type LoadBalancerConfig = experimental.TypedLoadBalancingConfig
type Policy = 'round_robin' | 'weighted_round_robin'

interface LoadBalancerModule {
  readonly createLoadBalancer: (config: LoadBalancerConfig, helper: object) => experimental.LoadBalancer
  readonly parseLoadBalancingConfig: (config: Partial<Record<Policy, object>>) => LoadBalancerConfig
}

const { createLoadBalancer, parseLoadBalancingConfig }: LoadBalancerModule = createRequire(import.meta.url)(
  '@grpc/grpc-js/build/src/load-balancer.js',
)

const pickArgs: experimental.PickArgs = { metadata: new Metadata(), extraPickInfo: {} }

export const grpcRoundRobin: Contender = {
  name: 'grpc-js round_robin',
  open(count) {
    const channel = new ReadyChannel('round_robin', count)
    return { run: (picks) => pickInTurn(channel.picker, picks), close: () => channel.close() }
  },
}

function pickInTurn(picker: experimental.Picker, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (picker.pick(pickArgs).subchannel === null) missing++
  return missing
}

export const grpcWeightedRoundRobin: Contender = {
  name: 'grpc-js weighted_round_robin',
  open(count) {
    const channel = new ReadyChannel('weighted_round_robin', count)
    channel.reportWeights()
    return { run: (picks) => pickWeighted(channel.picker, picks), close: () => channel.close() }
  },
}

function pickWeighted(picker: experimental.Picker, picks: number): number {
  let missing = 0
  for (let i = 0; i < picks; i++) if (picker.pick(pickArgs).subchannel === null) missing++
  return missing
}

/** A real load balancing policy over subchannels that say they are connected, and the picker it gives its channel. */
class ReadyChannel {
  picker: experimental.Picker = new experimental.UnavailablePicker()
  readonly #weights: ReadonlyMap<string, number>
  readonly #policy: experimental.LoadBalancer
  readonly #config: LoadBalancerConfig

  constructor(policy: Policy, count: number) {
    this.#weights = new Map(Array.from({ length: count }, (_, index) => [hostOf(index), weightOf(index)]))
    this.#config = parseLoadBalancingConfig({
      // Reports count at once, and no timer replaces the picker meanwhile.
      [policy]: policy === 'round_robin' ? {} : { blackout_period: '0s', weight_update_period: '3600s' },
    })
    this.#policy = createLoadBalancer(this.#config, {
      createSubchannel: ({ host }: { host: string }) => readySubchannel(host),
      updateState: (_state: connectivityState, picker: experimental.Picker) => {
        this.picker = picker
      },
      requestReresolution() {},
      addChannelzChild() {},
      removeChannelzChild() {},
    })
    this.#update()
  }

  /** Ends calls with load reports until every subchannel has told its weight, and has the policy look at them. */
  reportWeights(): void {
    const untold = new Map(this.#weights)
    while (untold.size > 0) {
      const { subchannel, onCallEnded } = this.picker.pick(pickArgs)
      const host = subchannel?.getAddress() ?? ''
      const weight = this.#weights.get(host)
      const report = { rps_fractional: weight, application_utilization: 1, eps: 0 }
      onCallEnded?.(status.OK, '', Object.assign(new Metadata(), { getOpaque: () => report }))
      untold.delete(host)
    }
    this.#update()
  }

  close(): void {
    this.#policy.destroy()
  }

  #update(): void {
    const endpoints = Array.from(this.#weights.keys(), (host) => ({ addresses: [{ host, port: 8080 }] }))
    this.#policy.updateAddressList(experimental.statusOrFromValue(endpoints), this.#config, {}, '')
  }
}

function readySubchannel(address: string): object {
  const subchannel = {
    getConnectivityState: () => connectivityState.READY,
    isHealthy: () => true,
    getAddress: () => address,
    getChannelzRef: () => ({}),
    realSubchannelEquals: (other: object) => other === subchannel,
    getRealSubchannel: () => subchannel,
    startConnecting() {},
    addConnectivityStateListener() {},
    removeConnectivityStateListener() {},
    addHealthStateWatcher() {},
    removeHealthStateWatcher() {},
    ref() {},
    unref() {},
  }
  return subchannel
}
