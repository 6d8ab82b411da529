import { AsyncLocalStorage } from 'node:async_hooks'
import { FakeClock, settlePromises } from '@lb/testing'
import { expect, it } from 'vitest'
import { LoadBalancer, type ServiceDiscovery } from '../src/index.ts'

const store = new AsyncLocalStorage<string>()

it.each([true, false])(
  'a discovery (watch: %s) is asked outside of the store of the call that comes first',
  async (watch) => {
    const seen: unknown[] = []
    const discovery: ServiceDiscovery = {
      getInstances: async () => {
        seen.push(store.getStore())
        await Promise.resolve()
        seen.push(store.getStore())
        return ['a:1']
      },
      ...(watch && {
        watch: (service, observer) => {
          void discovery.getInstances(service).then((list) => observer.next(list))
          return { close: () => {} }
        },
      }),
    }
    const lb = new LoadBalancer({ discovery, clock: new FakeClock() })
    const answer = store.run('call', () => lb.execute('users', () => store.getStore()))
    await settlePromises()
    // The attempt itself runs in the store of its caller.
    expect(await answer).toBe('call')
    expect(seen).toEqual([undefined, undefined])
    await lb.close()
  },
)
