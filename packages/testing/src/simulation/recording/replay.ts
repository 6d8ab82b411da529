import type { Clock } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'
import type { SimulatedFleet } from '../simulated-fleet.ts'
import type { InstanceBehaviour, ResponseSource } from '../simulated-instance.ts'
import { RecordedResponses, withoutQueueing } from './recorded-responses.ts'
import { type RecordedTraffic, type Recording, trafficOf } from './recording.ts'

/** So many at once never wait. */
const unlimited = 1_000_000

/** A recording while a simulation plays it. */
export class Replay {
  readonly traffic: RecordedTraffic
  /** That of the instances, beside what was recorded of them. */
  readonly behaviour: InstanceBehaviour

  /** @throws InvalidOptionError */
  constructor(recording: Recording, behaviour: InstanceBehaviour = {}) {
    const traffic = trafficOf(recording)
    if (traffic === undefined) {
      rejectOption('simulate.recording', 'a recording', recording, 'Read one with readRecording')
    }
    if (traffic.responses.size === 0 && traffic.lists.some(({ added }) => added.length > 0)) {
      rejectOption('simulate.recording', 'of at least one attempt: nothing says how its instances respond', recording)
    }
    this.traffic = traffic
    this.behaviour = { concurrency: unlimited, queueLimit: Number.POSITIVE_INFINITY, ...behaviour }
  }

  /** Changes the list of the registry as it was recorded. */
  changeLists(fleet: SimulatedFleet, clock: Clock, startMs: number): void {
    fleet.registry.lag = 0
    for (const change of this.traffic.lists) {
      if (change.atMs === 0) fleet.change(change)
      else clock.setTimeout(() => fleet.change(change), startMs + change.atMs - clock.now())
    }
  }

  /**
   * The recorded responses of each instance. One of which none is recorded responds as any of them does. If requests may wait, recorded
   * waits are taken out first, or they would count twice.
   */
  responsesOf(elapsedMs: () => number): (id: string) => ResponseSource {
    const { concurrency = unlimited } = this.behaviour
    const served = new Map(
      Array.from(this.traffic.responses, ([id, responses]) => {
        return [
          id,
          concurrency > 0 && concurrency < responses.length ? withoutQueueing(responses, concurrency) : responses,
        ]
      }),
    )
    let any: RecordedResponses | undefined
    return (id) => {
      const own = served.get(id)
      const source = own === undefined ? undefined : new RecordedResponses(own)
      return () => {
        if (source !== undefined) return source.next(elapsedMs())
        any ??= new RecordedResponses([...served.values()].flat().toSorted((left, right) => left.atMs - right.atMs))
        return any.next(elapsedMs())
      }
    }
  }
}
