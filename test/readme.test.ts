import { isLoadBalancedError, loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { FakeClock, FakeDiscovery, LoopbackBackend, seededRandom } from '@lb/testing'
import axios from 'axios'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { typescriptBlock } from './markdown.ts'

/** Everything an example imports. */
const imported = {
  LoadBalancer,
  StaticDiscovery,
  loadBalance,
  isLoadBalancedError,
  axios,
  FakeClock,
  FakeDiscovery,
  seededRandom,
  expect,
}

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<void>

/** Runs an example as it is written, but for the addresses of its instances. */
async function runExample(code: string, backends: readonly LoopbackBackend[]): Promise<void> {
  const body = code
    .replace(/^import .*$/gm, '')
    .replaceAll('10.0.1.12:8080', backends[0]?.address ?? '')
    .replaceAll('10.0.1.13:8080', backends[1]?.address ?? '')
  await new AsyncFunction(...Object.keys(imported), body)(...Object.values(imported))
}

describe('the examples of the readmes', () => {
  let backends: LoopbackBackend[]

  beforeEach(async () => {
    backends = await Promise.all([LoopbackBackend.start({ id: 'a' }), LoopbackBackend.start({ id: 'b' })])
  })

  afterEach(async () => {
    await Promise.all(backends.map((backend) => backend.stop()))
  })

  const requested = (): string[] => backends.flatMap((backend) => backend.requests.map(({ url }) => url))

  it.each(['README.md', 'packages/core/README.md', 'packages/axios/README.md'])(
    '%s reaches an instance',
    async (path) => {
      await runExample(typescriptBlock(path), backends)
      expect(requested()).toEqual(['/v1/profile'])
    },
  )

  it('packages/testing/README.md holds', async () => {
    await runExample(typescriptBlock('packages/testing/README.md', 1), backends)
  })
})
