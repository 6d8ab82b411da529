import { systemClock } from '@lb/core/authoring'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../fake-clock.ts'
import { type HttpClientFixture, post, seen } from './fixture.ts'

/** Virtual time that passes before the suite looks again whether anything is under way. */
const stepMs = 25
/** How long a GET may wait for an instance that says nothing: 2 s, and the looks of a second try that is sent last (4 × 125 ms). */
const silenceMs = 2_500

/** Callers do not wait for an instance that takes requests and answers none. */
export function describeSilentInstances(client: HttpClientFixture): void {
  describe('an instance that falls silent', () => {
    it.each([1, 3, 10])('holds none of %i callers that each wait for their GET', async (callers) => {
      const clock = await useVirtualClock(client)
      await waitsOf(client, clock, callers, 4)
      client.backends[0].script = { fault: 'black-hole' }
      expect(Math.max(...(await waitsOf(client, clock, callers, 10)))).toBeLessThan(silenceMs)
      await expectOthersKept(client, clock)
    })

    it('holds none of 30 GETs that are sent at once, without any traffic after them', async () => {
      const clock = await useVirtualClock(client)
      client.backends[0].script = { fault: 'black-hole' }
      expect(Math.max(...(await waitsOf(client, clock, 30, 1)))).toBeLessThan(silenceMs)
      await expectOthersKept(client, clock)
    })

    it('is asked once by a POST, which waits', async () => {
      const clock = await useVirtualClock(client)
      client.script({ fault: 'black-hole' })
      const controller = new AbortController()
      const failure = expect(client.send({ ...post, signal: controller.signal })).rejects.toThrow()
      await seen(() => client.requests === 1)
      await clock.advance(2 * silenceMs)
      expect(client.lb.inspect('user-service').inFlight).toBe(1)
      controller.abort()
      await failure
      expect(client.requests).toBe(1)
      await client.expectAllDone(1)
    })
  })
}

async function useVirtualClock(client: HttpClientFixture): Promise<FakeClock> {
  const clock = new FakeClock()
  await client.use({ clock })
  await client.lb.ready('user-service')
  return clock
}

/** How long each GET takes, in virtual milliseconds, of so many callers that send so many, one after the other. */
async function waitsOf(client: HttpClientFixture, clock: FakeClock, callers: number, each: number): Promise<number[]> {
  const waits: number[] = []
  const call = async (): Promise<void> => {
    for (let time = 0; time < each; time++) {
      const startedAtMs = clock.now()
      await client.expectStatus(200)
      waits.push(clock.now() - startedAtMs)
    }
  }
  const calls = Promise.all(Array.from({ length: callers }, call))
  let ended = false
  const end = (): void => {
    ended = true
  }
  calls.then(end, end)
  while (!ended) {
    await othersAnswered(client)
    await clock.advance(stepMs)
  }
  await calls
  return waits
}

/**
 * Waits in real time until only the first backend has requests in flight, for a while. So virtual time passes only for requests
 * that wait for it, and what a busy machine is slow with takes none.
 */
async function othersAnswered({ lb, backends }: HttpClientFixture): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet++) {
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 1))
    const { instances } = lb.inspect('user-service')
    if (instances.some(({ instance, inFlight }) => inFlight > 0 && instance.id !== backends[0].address)) quiet = -1
  }
}

async function expectOthersKept({ lb, backends }: HttpClientFixture, clock: FakeClock): Promise<void> {
  await seen(async () => {
    await clock.advance(stepMs)
    return lb.inspect('user-service').inFlight === 0
  })
  const { instances } = lb.inspect('user-service')
  const others = instances.filter(({ instance }) => instance.id !== backends[0].address)
  expect(others.map(({ state }) => state)).toEqual(['available', 'available'])
}
