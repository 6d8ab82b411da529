/** The names of the balancers that a service can select. */
export const balancerNames = [
  'round-robin',
  'smooth-weighted-round-robin',
  'grouped',
  'random',
  'least-request',
  'peak-ewma',
  'probing',
  'ring-hash',
  'maglev',
] as const

/** The balancers that a service can select by name, with their default options. */
export type BalancerName = (typeof balancerNames)[number]
