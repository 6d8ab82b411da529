import type { ChannelOptions, experimental } from '@grpc/grpc-js'
import { type ChannelOfService, ChannelPolicy } from './channel-policy.ts'
import type { GrpcModule } from './grpc-module.ts'

/** Name of the load balancing policy. */
export const policyName = 'lb'

/** The policy of a channel whose resolver is lb's, as grpc-js makes it. Which service it is for, the resolver says. */
class LbPolicy implements experimental.LoadBalancer {
  readonly #helper: experimental.ChannelControlHelper
  #policy: ChannelPolicy | undefined

  constructor(helper: experimental.ChannelControlHelper) {
    this.#helper = helper
  }

  // The list of the resolver is empty: lb has the instances.
  updateAddressList(_list: unknown, _config: unknown, options: ChannelOptions): boolean {
    const { own, open } = split(options)
    if (open === undefined) return false
    this.#policy ??= open(this.#helper, own)
    return true
  }

  // Called with each call: connections are kept, so there is nothing to leave.
  exitIdle(): void {}

  // Connections that were lost are established again all the time.
  resetBackoff(): void {}

  destroy(): void {
    this.#policy?.close()
    this.#policy = undefined
  }

  getTypeName(): string {
    return policyName
  }
}

class LbPolicyConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): LbPolicyConfig {
    return new LbPolicyConfig()
  }

  getLoadBalancerName(): string {
    return policyName
  }

  toJsonObject(): object {
    return { [policyName]: {} }
  }
}

/** Registers the policy in `grpc`. Once more changes nothing. */
export function registerPolicy({ experimental }: GrpcModule): void {
  if (experimental.isLoadBalancerNameRegistered(policyName)) return
  experimental.registerLoadBalancerType(policyName, LbPolicy, LbPolicyConfig)
}

/** Under which the resolver says which service a channel is for. grpc-js gives no option with this prefix to connections. */
const channelKey = 'grpc.internal.no_subchannel.lb'
const selectorKey = 'grpc.internal.config_selector'

/** Begins to choose for a channel. Given by the resolver: several copies of this package may be loaded. */
type OpenPolicy = (helper: experimental.ChannelControlHelper, options: ChannelOptions) => ChannelPolicy

/** What the resolver passes to the policy. */
export function policyAttributes(
  channel: ChannelOfService,
  selector: experimental.ConfigSelector,
): Record<string, unknown> {
  const open: OpenPolicy = (helper, options) => new ChannelPolicy(channel, helper, options)
  return { [channelKey]: open, [selectorKey]: selector }
}

/** The options of the channel's owner, and what the resolver passed. */
function split(options: ChannelOptions): { own: ChannelOptions; open: OpenPolicy | undefined } {
  const { [channelKey]: open, [selectorKey]: _selector, ...own } = options
  return { own, open }
}
