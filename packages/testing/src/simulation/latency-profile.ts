import type { Random } from '@lb/core'
import { checkDurationMs, checkNumber, rejectOption } from '@lb/core/authoring'

/** How long something takes: a number of milliseconds, a distribution, or samples that were recorded. */
export type LatencyProfile =
  | number
  | { readonly kind: 'uniform'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'exponential'; readonly meanMs: number }
  /** `sigma` is the deviation of the logarithm: p99 = median × e^(2.326 × sigma). */
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number }
  /** Drawn at random, each as often as the others. */
  | { readonly kind: 'recorded'; readonly samplesMs: readonly number[] }

/**
 * A function that draws durations of `profile`.
 *
 * @throws InvalidOptionError naming `path`
 */
export function latencySampler(path: string, profile: LatencyProfile, random: Random): () => number {
  if (typeof profile === 'number') {
    checkDurationMs(path, profile)
    return () => profile
  }
  switch (profile?.kind) {
    case 'uniform': {
      const { minMs, maxMs } = profile
      checkDurationMs(`${path}.minMs`, minMs)
      checkDurationMs(`${path}.maxMs`, maxMs, { min: minMs })
      return () => minMs + (maxMs - minMs) * random()
    }
    case 'exponential': {
      const { meanMs } = profile
      checkDurationMs(`${path}.meanMs`, meanMs)
      return () => meanMs * exponential(random)
    }
    case 'lognormal': {
      const { medianMs, sigma } = profile
      checkDurationMs(`${path}.medianMs`, medianMs)
      checkNumber(`${path}.sigma`, sigma, 0, 10)
      return () => medianMs * Math.exp(sigma * normal(random))
    }
    case 'recorded':
      return recordedSampler(path, [...profile.samplesMs], random)
    default:
      return rejectOption(
        path,
        'milliseconds, or a profile with kind uniform, exponential, lognormal or recorded',
        profile,
      )
  }
}

function recordedSampler(path: string, samplesMs: readonly number[], random: Random): () => number {
  if (samplesMs.length === 0) rejectOption(`${path}.samplesMs`, 'an array of at least one duration', samplesMs)
  for (const [index, sample] of samplesMs.entries()) checkDurationMs(`${path}.samplesMs[${index}]`, sample)
  return () => samplesMs[Math.floor(random() * samplesMs.length)] as number
}

/** Exponentially distributed with mean 1. */
export function exponential(random: Random): number {
  return -Math.log(1 - random())
}

/** Standard normal. Source: Box and Muller. */
function normal(random: Random): number {
  return Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random())
}
