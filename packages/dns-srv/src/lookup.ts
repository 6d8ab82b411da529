import type { InstanceList, Question } from '@lb/core/authoring'
import type { SearchRules } from './domain-name.ts'
import type { ServerSettings } from './resolver.ts'

/** Which servers a lookup asks, how, and under which domains. */
export interface LookupConfiguration extends SearchRules, ServerSettings {}

/** A question for the instances of a service, and how it is to be asked. */
export interface LookupQuestion extends Question, LookupConfiguration {}

/** The instances of a service. */
export interface LookupResult extends InstanceList {
  /** How long they hold; absent when no server said. */
  readonly ttlMs?: number
}

/** Looks up one service again and again. Its state lives as long as one watch, or one query. */
export interface Lookup {
  /** @throws DnsFailure when it cannot be known which instances there are */
  ask(question: LookupQuestion): Promise<LookupResult>
}
