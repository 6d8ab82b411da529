import type { InstanceState, ServiceSnapshot } from '@lb/core'
import type { ServiceSummary } from '../api.ts'
import type { TrafficBook } from '../traffic/traffic-book.ts'

/** `snapshot` with counts in place of its instances. */
export function serviceSummary(snapshot: ServiceSnapshot, traffic: TrafficBook): ServiceSummary {
  const { instances, ...facts } = snapshot
  const states: Partial<Record<InstanceState, number>> = {}
  let candidates = 0
  for (const { state, candidate } of instances) {
    states[state] = (states[state] ?? 0) + 1
    if (candidate) candidates++
  }
  return { ...facts, candidates, known: instances.length, states, traffic: traffic.ofService(snapshot.service) }
}
