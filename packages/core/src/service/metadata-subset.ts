import type { MetadataMatch } from '../instance/metadata-match.ts'
import type { MetadataSubsetSnapshot } from '../observe/snapshot.ts'
import type { SteeredSplit } from './steered-split.ts'

/** Instances of one service whose metadata say the same. Their balancers are their own, and keep their state while lists change. */
export class MetadataSubset {
  readonly values: MetadataMatch
  readonly splits: SteeredSplit
  /** Ends what its balancers do in the background. */
  readonly close: () => void
  /** The judgement of the service that its candidates are of. */
  judgement = -1
  /** Whether it was used since room for another one was made. */
  isUsed = true

  constructor(values: MetadataMatch, splits: SteeredSplit, close: () => void) {
    this.values = values
    this.splits = splits
    this.close = close
  }

  snapshot(): MetadataSubsetSnapshot {
    const values = Object.fromEntries(Object.entries(this.values).map(([key, value = '']) => [key, value]))
    return { values, candidates: this.splits.current.candidateIds }
  }
}
