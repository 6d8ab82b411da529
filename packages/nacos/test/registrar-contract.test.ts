import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { describeRegistrar } from '@lb/testing/suites'
import { FakeNacos } from 'test-servers'
import { afterAll, beforeAll, describe } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import { fastClock } from './fast-clock.ts'

describe.each(['2.5', '3.2'] as const)('on the fake of %s', (version) => {
  let fake: FakeNacos
  let discovery: NacosDiscovery
  beforeAll(async () => {
    fake = await FakeNacos.start({ version })
    discovery = new NacosDiscovery({ servers: [fake.url] })
  })
  afterAll(async () => {
    await discovery.close()
    await fake.stop()
  })

  const read = async (service: string): Promise<readonly ServiceInstanceInit[]> => {
    const { intercept } = fake
    fake.intercept = () => undefined
    const instances = await discovery.getInstances(service)
    fake.intercept = intercept
    return instances
  }
  describeRegistrar(
    'NacosRegistrar',
    {
      create: () => new NacosRegistrar({ servers: [fake.url], timeoutMs: 10_000, clock: fastClock }),
      list: async (service) =>
        (await read(service)).map((init) => parseInstance(init)).map(({ host, port }) => `${host}:${port}`),
      read,
      lose: async (service) => fake.forget(service),
      fail: async () => {
        fake.intercept = () => ({ status: 500, body: 'out of order' })
      },
      recover: async () => {
        fake.intercept = () => undefined
      },
    },
    { weights: true, metadata: true, loss: true, failure: true },
  )
})
