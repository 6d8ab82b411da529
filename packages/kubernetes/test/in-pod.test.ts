import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithNetwork } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'
import { slice } from './slices.ts'

// Namespaces of mounts need root, as those of networks do.
describeWithNetwork('in what a pod finds', [...KubeApiServer.programs, 'unshare', 'mount'], () => {
  let server: KubeApiServer
  let folder: string
  beforeAll(async () => {
    server = await KubeApiServer.start()
    folder = mkdtempSync(join(tmpdir(), 'lb-pod-'))
  }, startTimeoutMs)
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await server.stop()
  })

  it('a discovery without options works', { timeout: 30_000 }, async () => {
    await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'prod' } })
    await new KubernetesRegistry(server).write('orders', [slice('orders', 'orders-1', ['10.0.0.1'])], 'prod')
    await server.letNobodyRead('prod')
    copyFileSync(server.caPath, join(folder, 'ca.crt'))
    writeFileSync(join(folder, 'token'), server.nobodyToken)
    writeFileSync(join(folder, 'namespace'), 'prod')
    writeFileSync(
      join(folder, 'program.mjs'),
      `import { KubernetesDiscovery } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
      const discovery = new KubernetesDiscovery()
      console.log(JSON.stringify(await discovery.getInstances('orders')))
      await discovery.close()`,
    )
    const { hostname, port } = new URL(server.url)
    const env = { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
    // Only this process and its children see these mounts.
    const script = `
      mount -t tmpfs none /var/run && mkdir -p /var/run/secrets/kubernetes.io/serviceaccount &&
      cp "$0"/ca.crt "$0"/token "$0"/namespace /var/run/secrets/kubernetes.io/serviceaccount && exec "$1" "$0"/program.mjs`
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', script, folder, process.execPath]
    const { stdout } = await promisify(execFile)('unshare', args, { env, timeout: 20_000 })
    expect(JSON.parse(stdout)).toMatchObject([{ host: '10.0.0.1', port: 8080 }])
  })
})
