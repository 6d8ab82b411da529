import { readFileSync } from 'node:fs'
import { LoadBalancer } from '@lb/core'
import { exchange, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { expect, it } from 'vitest'
import { KubernetesDiscovery } from '../src/index.ts'
import { LoopbackApiServer } from './loopback-api-server.ts'
import { slice } from './slices.ts'

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<string>

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

it('the example of the readme holds', async () => {
  const server = await LoopbackApiServer.start()
  server.slices = [slice('user-service', 'user-service-1', ['10.0.1.12'])]
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  const body = example.replace(/^import .*$/gm, '').replace('{ namespace', `{ server: '${server.url}', namespace`)
  const run = new AsyncFunction('LoadBalancer', 'KubernetesDiscovery', `${body}\nawait lb.close()\nreturn id`)
  expect(await run(LoadBalancer, KubernetesDiscovery)).toBe('10.0.1.12:8080')
  expect(server.requests[0]?.path).toContain('/namespaces/prod/')
  await server.stop()
})

describeWithServers('the RBAC of the readme', KubeApiServer.programs, () => {
  it('is valid, and what a discovery needs', { timeout: startTimeoutMs }, async () => {
    const server = await KubeApiServer.start()
    await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'prod' } })
    const path = '/api/v1/namespaces/prod/serviceaccounts'
    await server.request('POST', path, { metadata: { name: 'my-app' } })
    const [role = '', binding = ''] = (/```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '').split('---\n')
    const create = (resource: string, body: string): Promise<unknown> =>
      exchange({
        method: 'POST',
        url: `${server.url}/apis/rbac.authorization.k8s.io/v1/namespaces/prod/${resource}`,
        body,
        headers: { Authorization: `Bearer ${server.adminToken}`, 'Content-Type': 'application/yaml' },
        tls: { ca: readFileSync(server.caPath, 'utf8') },
      })
    await create('roles', role)
    await create('rolebindings', binding)
    const { status } = (await server.request('POST', `${path}/my-app/token`, { spec: {} })) as {
      status: { token: string }
    }
    const { url, caPath } = server
    const discovery = new KubernetesDiscovery({ server: url, caFile: caPath, token: status.token, namespace: 'prod' })
    await expect.poll(() => discovery.getInstances('orders').catch(String), { timeout: 5_000 }).toEqual([])
    await discovery.close()
    await server.stop()
  })
})
