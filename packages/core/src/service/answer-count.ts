import type { Watched } from '../health/outliers/answer-watch.ts'
import type { InstanceRecord } from './record.ts'

/** What is counted of the answers of one instance, to find whether it has fallen silent. */
export class AnswerCount implements Watched {
  readonly record: InstanceRecord
  /** Requests in flight that have no answer yet, not even the head of one. */
  awaiting = 0
  /** Requests that started since its last answer. */
  unanswered = 0
  answers = 0
  /** Second tries that were answered elsewhere since its last answer, while the first waited here. */
  outrun = 0
  /** Whether the request that tries it after its ejection is under way. */
  probed = false
  movable = 0
  watched = false
  answersBefore = 0
  silentLooks = 0
  crowdedLooks = 0
  othersBefore = 0

  constructor(record: InstanceRecord) {
    this.record = record
  }

  get waiting(): number {
    return Math.min(this.record.inFlight, this.unanswered)
  }

  /** The request that tries it after its ejection starts: it gets all of the time that an answer may take. */
  startProbe(): void {
    this.probed = true
    this.silentLooks = 0
    this.crowdedLooks = 0
    this.outrun = 0
  }
}
