import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { expect, it, vi } from 'vitest'
import { createFetch, loadBalanceInterceptor } from '../src/index.ts'

// What Bun gives to an import of the package.
vi.mock('undici', async (original) => ({
  ...(await original<typeof import('undici')>()),
  Agent: class Agent {},
  Dispatcher: class Dispatcher {},
}))

it('says so when a runtime has put another undici in its place', async () => {
  await using lb = new LoadBalancer({ discovery: new StaticDiscovery({ s: ['127.0.0.1:1'] }) })
  for (const use of [() => createFetch(lb), () => loadBalanceInterceptor(lb)]) {
    expect(use).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION', option: 'undici' }))
    expect(use).toThrow(/Bun.*lb\.execute/)
  }
})
