// Two instances of user-service on this machine, which stand for two pods or hosts.
import { LoopbackBackend } from '@lb/testing'

export const first = await LoopbackBackend.start({ id: 'first', script: { body: 'first' } })
export const second = await LoopbackBackend.start({ id: 'second', script: { body: 'second' } })

export async function stopBackends(): Promise<void> {
  await Promise.all([first.stop(), second.stop()])
}
