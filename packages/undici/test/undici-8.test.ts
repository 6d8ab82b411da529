import * as undici from 'undici'
import { expect, it, vi } from 'vitest'

// It needs Node 22.19; below, the suites run with undici 7 once more.
const runs = vi.hoisted(() => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 19)
})
vi.mock('undici', (original) => (runs ? import('undici8') : original()))

it.runIf(runs)('runs with undici 8', () => {
  expect(undici).toHaveProperty('Dispatcher1Wrapper')
})

await import('./contract.suite.ts')
await import('./bodies.suite.ts')
await import('./interceptor.suite.ts')
await import('./streaming.suite.ts')
await import('./fetch.suite.ts')
await import('./handler.suite.ts')
await import('./failures.suite.ts')
await import('./answers.suite.ts')
await import('./redirects.suite.ts')
