/** How much is measured. */
export interface Plan {
  /** Registries at the same time: each disturbs the others, but all are done in a minute. */
  readonly together: boolean
  /** How long instances are added and removed. */
  readonly changeSeconds: number
  readonly changingServices: number
  readonly services: number
  readonly instances: number
  /** How long nothing changes. */
  readonly idleSeconds: number
  /** How long one of the services changes every second. */
  readonly busySeconds: number
  readonly clients: number
  /** How long clients go on before the registry is killed. */
  readonly calmMs: number
  readonly outageMs: number
  /** How long they may take to come back. */
  readonly recoveryMs: number
  /** Also with clients without jitter. */
  readonly comparesJitter: boolean
}

export function fullPlan(seconds: number): Plan {
  return {
    together: false,
    changeSeconds: seconds / 7,
    changingServices: 30,
    services: 200,
    instances: 50,
    idleSeconds: seconds,
    busySeconds: seconds / 5,
    clients: 100,
    calmMs: 4_000,
    outageMs: 5_000,
    recoveryMs: 30_000,
    comparesJitter: true,
  }
}

export function quickPlan(): Plan {
  return {
    ...fullPlan(3),
    together: true,
    changeSeconds: 3,
    changingServices: 8,
    services: 50,
    busySeconds: 3,
    recoveryMs: 5_000,
    comparesJitter: false,
  }
}
