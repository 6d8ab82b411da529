import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describeWithServers } from '../src/describe-with-servers.ts'
import { KubeApiServer, startTimeoutMs } from '../src/index.ts'

const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

describeWithServers('the Kubernetes API server', KubeApiServer.programs, () => {
  let server: KubeApiServer
  beforeAll(async () => {
    server = await KubeApiServer.start({ flags: ['--watch-cache=false', '--etcd-compaction-interval=0'] })
  }, startTimeoutMs)
  afterAll(() => server.stop())

  it('has EndpointSlices, keeps them over a crash, and forgets old versions on demand', async () => {
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'web-1' } }
    await server.request('POST', slices, { ...slice, addressType: 'IPv4', endpoints: [], ports: [] })
    await server.kill()
    await server.restart()
    const list = (await server.request('GET', slices)) as { metadata: { resourceVersion: string } }
    expect(list).toMatchObject({ kind: 'EndpointSliceList', items: [{ metadata: { name: 'web-1' } }] })
    await server.request('PATCH', `${slices}/web-1`, { addressType: 'IPv6' })
    await server.etcd.post('/v3/kv/compaction', { revision: String(Number(list.metadata.resourceVersion) + 1) })
    const watch = await server.request('GET', `${slices}?watch=1&timeoutSeconds=1&resourceVersion=1`)
    expect(watch).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } })
  }, 60_000)

  it('lets nobody read what a role allows, and strangers nothing', async () => {
    const read = (token: string): Promise<unknown> => server.request('GET', slices, undefined, token)
    await expect(read(server.nobodyToken)).rejects.toMatchObject({ status: 403 })
    await expect(read('stranger')).rejects.toMatchObject({ status: 401 })
    await server.letNobodyRead('default')
    await vi.waitFor(() => read(server.nobodyToken), { timeout: 5_000 })
  })
})
