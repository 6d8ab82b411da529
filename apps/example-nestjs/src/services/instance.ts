import { setTimeout as delay } from 'node:timers/promises'

export const INSTANCE = 'INSTANCE'

/** One instance of a service. Its answers name it, so that one sees how calls are shared out. */
export class Instance {
  readonly id: string
  /** How long it works on each answer, in milliseconds. */
  latencyMs = 0

  constructor(id: string) {
    this.id = id
  }

  async answer<T extends object>(data: T): Promise<T & { servedBy: string }> {
    await delay(this.latencyMs)
    return { ...data, servedBy: this.id }
  }
}
