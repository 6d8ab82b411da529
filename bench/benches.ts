/** One program of the laboratory. */
export interface Bench {
  readonly name: string
  /** Options of Node. */
  readonly nodeOptions?: readonly string[]
  /** Programs that must be installed. */
  readonly programs?: readonly string[]
  /** It mostly waits, or times nothing: in the quick form such run at the same time. */
  readonly isPatient?: true
}

/** Everything, in the order of the run. */
export const benches: readonly Bench[] = [
  { name: 'pick', nodeOptions: ['--expose-gc'] },
  { name: 'client', programs: ['nginx'] },
  { name: 'allocation', programs: ['nginx'] },
  { name: 'grpc' },
  { name: 'proxy', programs: ['nginx', 'wrk'] },
  { name: 'observe', programs: ['nginx'] },
  { name: 'tail' },
  { name: 'probes' },
  { name: 'simulation' },
  { name: 'services', nodeOptions: ['--expose-gc'] },
  { name: 'dns', nodeOptions: ['--expose-gc'], isPatient: true },
  { name: 'registries', nodeOptions: ['--expose-gc'], isPatient: true },
  { name: 'soak', nodeOptions: ['--expose-gc'], isPatient: true },
]
