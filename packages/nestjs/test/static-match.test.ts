import { StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import type { AxiosInstance } from 'axios'
import { expect, it } from 'vitest'
import { getServiceClientToken, LoadBalancerModule } from '../src/index.ts'
import { application } from './application.ts'

it('a client with a match sends every request to the instances that say so', async () => {
  const backends = await Promise.all([LoopbackBackend.start({ id: 'a' }), LoopbackBackend.start({ id: 'b' })])
  const users = backends.map(({ address, id }) => {
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), metadata: { tenant: id } }
  })
  const app = await application({
    imports: [
      LoadBalancerModule.forRoot({
        discovery: new StaticDiscovery({ users }),
        services: { users: { routing: { keys: ['tenant'] } } },
      }),
      LoadBalancerModule.forFeature({ service: 'users', match: { tenant: 'b' } }),
    ],
  })
  const client: AxiosInstance = app.get(getServiceClientToken('users'))
  for (let round = 0; round < 4; round++) expect((await client.get('/')).status).toBe(200)
  expect(backends.map(({ requests }) => requests.length)).toEqual([0, 4])
  await app.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})
