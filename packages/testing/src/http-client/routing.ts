import { StaticDiscovery } from '@lb/core'
import { expect, it } from 'vitest'
import type { HttpClientFixture } from './fixture.ts'
import type { HttpClientCapabilities, HttpClientRequest } from './harness.ts'

const wanting = (version: string, method = 'GET'): HttpClientRequest => ({
  url: 'http://user-service/',
  method,
  headers: { 'x-version': version },
})

/** The first two backends are of version v1, the third of v2. */
async function useVersions(client: HttpClientFixture, fallback: 'none' | 'any'): Promise<void> {
  const instances = client.backends.map(({ address }, index) => {
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), metadata: { version: index < 2 ? 'v1' : 'v2' } }
  })
  await client.use({
    discovery: new StaticDiscovery({ 'user-service': instances }),
    routing: { keys: ['version'], fallback },
    retry: { backoffBaseMs: 1, budget: false },
  })
}

/** Requests go to the instances that they match. */
export function describeRouting(client: HttpClientFixture, { match = false }: HttpClientCapabilities): void {
  if (!match) return

  const requests = (): number[] => client.backends.map((backend) => backend.requests.length)

  it('sends a request with a match to the instances that say so, and one without to all', async () => {
    await useVersions(client, 'none')
    for (let round = 0; round < 4; round++) {
      await client.expectStatus(200, wanting('v1'))
      await client.expectStatus(200, wanting('v2', 'POST'))
    }
    expect(requests()).toEqual([2, 2, 4])
    await client.expectStatus(200, { url: 'http://user-service/' }, 3)
    expect(requests()).toEqual([3, 3, 5])
    await client.expectAllDone(11)
  })

  it('fails when none matches, or goes elsewhere where the service says so', async () => {
    await useVersions(client, 'none')
    await expect(client.send(wanting('v9'))).rejects.toThrow(/version "v9"/)
    expect(requests()).toEqual([0, 0, 0])
    await useVersions(client, 'any')
    await client.expectStatus(200, wanting('v9'), 3)
    expect(requests()).toEqual([1, 1, 1])
  })

  it('repeats a request within those that match, and then by the fallback', async () => {
    for (const backend of client.backends.slice(0, 2)) backend.script = { status: 503 }
    await useVersions(client, 'none')
    await client.expectStatus(503, wanting('v1'))
    expect(client.backends[2].requests).toHaveLength(0)
    await useVersions(client, 'any')
    await client.expectStatus(200, wanting('v1'))
    expect(client.backends[2].requests).toHaveLength(1)
  })
}
