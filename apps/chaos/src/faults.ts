import { setTimeout as sleep } from 'node:timers/promises'
import { type BackendBehaviour, healthy } from './backend-behaviour.ts'
import type { BackendProcess } from './backend-process.ts'
import type { DiscoveryEventType } from './call-record.ts'
import type { Registry } from './registry.ts'

export type FaultName =
  | 'sigkill'
  | 'sigstop'
  | 'sigstop-callers'
  | 'sigstop-burst'
  | 'rst-mid-response'
  | 'close-reused'
  | 'half-500s'
  | 'slow'
  | 'flapping'
  | 'rolling-restart'
  | 'rolling-deploy'
  | 'all-down'
  | 'discovery-failing'
  | 'discovery-empty-once'

/** Where a fault happens. */
interface Stage {
  readonly backends: readonly BackendProcess[]
  /** The backend that a fault of a single instance strikes. */
  readonly victim: BackendProcess
  readonly registry: Registry
  readonly durationMs: number
}

export interface Fault {
  readonly name: FaultName
  readonly text: string
  readonly struck: 'one' | 'all' | 'none'
  /** Milliseconds, in the short form and in the long one. */
  readonly durationMs: readonly [short: number, long: number]
  /**
   * Traffic must leave the instance: at once, as it is dead; or as soon as it is ejected, if it is at all, as it still
   * answers now and then.
   */
  readonly leaves?: 'at-once' | 'when-ejected'
  /** Nobody can answer: requests may fail, but neither late nor with many attempts. */
  readonly outage?: true
  /** The event by which the load balancer must tell the fault. */
  readonly toldBy?: DiscoveryEventType
  /** Every second request is a POST, which is never repeated once it was sent. */
  readonly posts?: true
  /** The heap is watched meanwhile. */
  readonly heap?: true
  /** How requests are made meanwhile, when not at a fixed rate: by so many callers that each wait for theirs, or all at once. */
  readonly bounded?: { readonly callers: number } | { readonly burst: number }
  /** Requests a second in the warm-up, when it is not that of the fault. */
  readonly warmUpRate?: number
  /** Begins at once, and resolves when the fault is over. */
  readonly inflict: (stage: Stage) => Promise<void>
}

/** The discovery faults come last: while they run, the others' instances finish their ejections. */
export const faults: readonly Fault[] = [
  {
    name: 'sigkill',
    text: 'one instance is killed, and started again at the end',
    struck: 'one',
    durationMs: [5_000, 40_000],
    leaves: 'at-once',
    inflict: async ({ victim, durationMs }) => {
      await victim.kill()
      await sleep(durationMs)
      await victim.start()
    },
  },
  {
    name: 'sigstop',
    text: 'one instance is stopped: it accepts and never answers',
    struck: 'one',
    // In the short form too it outlasts the first ejection (at most 30 s) and the probe that nobody answers: 0.7 + 30 + 2 s.
    durationMs: [34_000, 60_000],
    leaves: 'at-once',
    heap: true,
    inflict: pause,
  },
  {
    name: 'sigstop-callers',
    text: 'one instance is stopped, under three callers that each wait for their request and have no time limit',
    struck: 'one',
    durationMs: [5_000, 40_000],
    bounded: { callers: 3 },
    inflict: pause,
  },
  {
    name: 'sigstop-burst',
    text: 'one instance is stopped, and 30 requests without a time limit are made at once, and no more',
    struck: 'one',
    durationMs: [2_500, 2_500],
    bounded: { burst: 30 },
    // So that none of it is still to be sent when the burst comes.
    warmUpRate: 100,
    inflict: pause,
  },
  {
    name: 'rst-mid-response',
    text: 'one instance resets the connection in the middle of each answer',
    struck: 'one',
    durationMs: [5_000, 40_000],
    inflict: misbehave({ resetsResponses: true }),
  },
  {
    name: 'close-reused',
    text: 'one instance closes each connection on its second request, without an answer',
    struck: 'one',
    durationMs: [5_000, 40_000],
    leaves: 'when-ejected',
    inflict: misbehave({ closesReused: true }),
  },
  {
    name: 'half-500s',
    text: 'half of the answers of one instance are 500',
    struck: 'one',
    durationMs: [5_000, 40_000],
    inflict: misbehave({ failureRatio: 0.5 }),
  },
  {
    name: 'slow',
    text: 'one instance takes 20 times as long',
    struck: 'one',
    durationMs: [5_000, 40_000],
    inflict: misbehave({ latencyFactor: 20 }),
  },
  {
    name: 'flapping',
    text: 'one instance is killed each second, and started again half a second later',
    struck: 'one',
    durationMs: [5_000, 40_000],
    inflict: flap,
  },
  {
    name: 'rolling-restart',
    text: 'each instance in turn is killed and started again, a second between them',
    struck: 'all',
    durationMs: [5_000, 15_000],
    inflict: restartInTurn,
  },
  {
    name: 'rolling-deploy',
    text: 'each instance in turn shuts down gracefully and is replaced; every second request is a POST',
    struck: 'all',
    durationMs: [10_000, 30_000],
    posts: true,
    inflict: deployInTurn,
  },
  {
    name: 'all-down',
    text: 'every instance is killed, and started again at the end',
    struck: 'all',
    // Why the bound of 1.25 holds: the retry budget allows 0.2 retries for each request, and 100 besides, which only
    // successes bring back. Requests of the warm-up count too, so there are few (2.5 s × 100/s). At 500/s:
    //   short, 8 s:  0.2 × (4 000 + 250) + 100  =   950 extra attempts at most, 23.8 % of  4 000 requests
    //   long,  58 s: 0.2 × (29 000 + 250) + 100 = 5 950 extra attempts at most, 20.5 % of 29 000 requests
    durationMs: [8_000, 58_000],
    outage: true,
    warmUpRate: 100,
    inflict: async ({ backends, durationMs }) => {
      await Promise.all(backends.map((backend) => backend.kill()))
      await sleep(durationMs)
      await Promise.all(backends.map((backend) => backend.start()))
    },
  },
  {
    name: 'discovery-failing',
    text: 'the discovery rejects',
    struck: 'none',
    toldBy: 'discovery-failed',
    durationMs: [5_000, 40_000],
    inflict: async ({ registry, durationMs }) => {
      registry.fail()
      await sleep(durationMs)
      registry.recover()
    },
  },
  {
    name: 'discovery-empty-once',
    text: 'the discovery says once that there is no instance',
    struck: 'none',
    toldBy: 'empty-list-held',
    durationMs: [4_000, 15_000],
    inflict: async ({ registry, durationMs }) => {
      registry.answerEmptyOnce()
      await sleep(durationMs)
    },
  },
]

async function pause({ victim, durationMs }: Stage): Promise<void> {
  victim.stop()
  await sleep(durationMs)
  victim.continue()
}

function misbehave(behaviour: Partial<BackendBehaviour>): Fault['inflict'] {
  return async ({ victim, durationMs }) => {
    await victim.behave({ ...healthy, ...behaviour })
    await sleep(durationMs)
    await victim.behave(healthy)
  }
}

async function flap({ victim, durationMs }: Stage): Promise<void> {
  const periodMs = 1_000
  for (let period = 0; period < durationMs / periodMs; period++) {
    const next = sleep(periodMs)
    await victim.kill()
    await sleep(periodMs / 2)
    await victim.start()
    await next
  }
}

async function restartInTurn({ backends, durationMs }: Stage): Promise<void> {
  for (const backend of backends) {
    const next = sleep(durationMs / backends.length)
    await backend.kill()
    await backend.start()
    await next
  }
}

async function deployInTurn({ backends, durationMs }: Stage): Promise<void> {
  for (const backend of backends) {
    const next = sleep(durationMs / backends.length)
    await backend.replace()
    await next
  }
}
