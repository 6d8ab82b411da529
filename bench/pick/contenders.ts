import type { Allocating } from './allocations.ts'
import type { Contender } from './contender.ts'
import { chance, clock, floor, nginx } from './contenders-baseline.ts'
import {
  lbGrouped,
  lbLeastRequest,
  lbMaglev,
  lbPeakEwma,
  lbRandom,
  lbRecordingSmoothWeighted,
  lbRingHash,
  lbRoundRobin,
  lbRoundRobinService,
  lbSharedRoundRobin,
  lbSmoothWeighted,
  lbSmoothWeightedService,
} from './contenders-lb.ts'
import { grpcRoundRobin, grpcWeightedRoundRobin } from './peers/grpc.ts'
import { moleculerRandom, moleculerRoundRobin } from './peers/moleculer.ts'
import { undiciBalancedPool, undiciRoundRobinPool } from './peers/undici.ts'

/** Everybody, in the order of the table: the floor, then kind by kind, lb before its peers. */
export const contenders: readonly Contender[] = [
  floor,
  lbRoundRobin,
  lbSharedRoundRobin,
  grpcRoundRobin,
  undiciBalancedPool,
  undiciRoundRobinPool,
  moleculerRoundRobin,
  lbSmoothWeighted,
  lbRecordingSmoothWeighted,
  lbGrouped,
  nginx,
  grpcWeightedRoundRobin,
  lbRandom,
  moleculerRandom,
  lbLeastRequest,
  lbPeakEwma,
  lbRingHash,
  lbMaglev,
  lbRoundRobinService,
  lbSmoothWeightedService,
]

/** A balancer of lb and a contender that does the same job. */
export interface Pairing {
  readonly ours: Contender
  readonly peer: Contender
}

export const pairings: readonly Pairing[] = [
  { ours: lbRoundRobin, peer: grpcRoundRobin },
  { ours: lbRoundRobin, peer: undiciBalancedPool },
  { ours: lbRoundRobin, peer: undiciRoundRobinPool },
  { ours: lbRoundRobin, peer: moleculerRoundRobin },
  { ours: lbSmoothWeighted, peer: grpcWeightedRoundRobin },
  { ours: lbSmoothWeighted, peer: nginx },
  { ours: lbGrouped, peer: grpcWeightedRoundRobin },
  { ours: lbGrouped, peer: nginx },
  { ours: lbRandom, peer: moleculerRandom },
]

/** Of these the allocations are measured: what lb promises not to do, and what peers do. */
export const allocating: readonly Allocating[] = [
  { contender: chance, ours: false },
  { contender: clock, ours: false },
  { contender: lbRoundRobin, ours: true },
  { contender: lbSmoothWeighted, ours: true },
  { contender: lbGrouped, ours: true },
  { contender: lbRandom, ours: true, draws: 1 },
  { contender: lbLeastRequest, ours: true, draws: 2 },
  { contender: lbPeakEwma, ours: true, draws: 2 },
  { contender: lbRingHash, ours: true },
  { contender: lbMaglev, ours: true },
  { contender: lbRoundRobinService, ours: true },
  { contender: lbSmoothWeightedService, ours: true },
  { contender: grpcRoundRobin, ours: false },
  { contender: grpcWeightedRoundRobin, ours: false },
  { contender: undiciBalancedPool, ours: false },
  { contender: undiciRoundRobinPool, ours: false },
  { contender: moleculerRoundRobin, ours: false },
]
