export { type FailedAttempt, isLoadBalancedError, type LoadBalancedError, type LoadBalancerDetails } from './error.ts'
export { loadBalance, loadBalancedAdapter } from './load-balanced-adapter.ts'
export type { LoadBalancedAdapterOptions } from './options.ts'
export { type TcpProbeOptions, tcpProbe } from './tcp-probe.ts'
