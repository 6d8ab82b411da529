import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyManifest, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { documentsOf, ordersSlices, shopToken } from './cluster.ts'

const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'
const manifests = ['shop.yaml', 'orders.yaml'].flatMap(documentsOf)

describeWithServers('the manifests of the example, on a Kubernetes API server', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let folder: string
  const children: ChildProcess[] = []
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lb-example-'))
    server = await KubeApiServer.start()
    await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
    for (const document of manifests) await applyManifest(server, document, { namespace: 'shop', dryRun: true })
    for (const document of manifests) await applyManifest(server, document, { namespace: 'shop' })
  }, startTimeoutMs)
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
    await server.stop()
  })

  /** Starts a program of the example on a port that is free, and gives that port once it listens. */
  async function start(
    program: string,
    environment: Record<string, string>,
  ): Promise<{ child: ChildProcess; port: number }> {
    const path = fileURLToPath(new URL(`../src/${program}`, import.meta.url))
    const env = { ...process.env, PORT: '0', ...environment }
    const child = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    let output = ''
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString()
    })
    const listening = /listens on port (\d+)/
    await vi.waitFor(() => expect(output).toMatch(listening), { timeout: 10_000 })
    return { child, port: Number(listening.exec(output)?.[1]) }
  }

  it('are validated: a selector that does not match, or a text for a number, would be refused', async () => {
    const deployment = manifests.find((document) => document.includes('kind: Deployment')) ?? ''
    const dryRun = (document: string): Promise<unknown> =>
      applyManifest(server, document.replace('name: shop', 'name: other'), { namespace: 'shop', dryRun: true })
    await dryRun(deployment)
    await expect(dryRun(deployment.replace('matchLabels: { app: shop }', 'matchLabels: { app: x }'))).rejects.toThrow(
      'does not match',
    )
    await expect(dryRun(deployment.replace('replicas: 2', 'replicas: two'))).rejects.toThrow('400')
  })

  it('allow the shop to list and watch EndpointSlices of its namespace, and nothing else', async () => {
    const token = await shopToken(server)
    const ask = (method: string, path: string, body?: object): Promise<unknown> =>
      server.request(method, path, body, token)
    await ask('GET', slices)
    await ask('GET', `${slices}?watch=1&timeoutSeconds=1&resourceVersion=0`)
    for (const path of [
      `${slices}/x`,
      slices.replace('shop', 'default'),
      '/api/v1/namespaces/shop/pods',
      '/api/v1/namespaces/shop/secrets',
    ]) {
      await expect(ask('GET', path)).rejects.toMatchObject({ status: 403 })
    }
    await expect(ask('POST', slices, ordersSlices([1])[0])).rejects.toMatchObject({ status: 403 })
    const review = await ask('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      spec: { namespace: 'shop' },
    })
    const { status } = review as {
      status: { resourceRules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] }
    }
    // Everybody may ask what they may do.
    const own = status.resourceRules.filter(({ apiGroups }) => !apiGroups.includes('authorization.k8s.io'))
    expect(own).toEqual([{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }])
  })

  it('are enough for the shop, which follows the pods of orders as they come and go', { timeout: 60_000 }, async () => {
    const orders = await Promise.all(['a', 'b'].map((name) => start('orders.ts', { NAME: name, DRAIN_MS: '0' })))
    for (const slice of ordersSlices(orders.map(({ port }) => port))) await server.request('POST', slices, slice)
    const { child, port } = await start('main.ts', { KUBECONFIG: await kubeconfig() })
    const answer = async (path: string): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}${path}`)).json()
    expect(await answer('/ready')).toBe('ready')
    const servers = async (): Promise<string[]> => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => answer('/')))
      return [...new Set(answers.map((body) => (body as { servedBy: string }).servedBy))].sort()
    }
    expect(await servers()).toEqual(['a', 'b'])
    await server.request('DELETE', `${slices}/orders-${orders[0]?.port}`)
    await vi.waitFor(async () => expect(await servers()).toEqual(['b']), { timeout: 5_000 })
    expect(await answer('/instances')).toMatchObject({
      service: 'orders',
      status: 'fresh',
      instances: [{ instance: { metadata: { pod: 'orders-1' } } }],
    })
    for (const running of [child, ...orders.map((one) => one.child)]) {
      running.kill('SIGTERM')
      expect(await once(running, 'exit')).toEqual([0, null])
    }
  })

  /** Stands in for what a pod has in /var/run/secrets: the same token, authority and namespace. */
  async function kubeconfig(): Promise<string> {
    const authority = readFileSync(server.caPath).toString('base64')
    const path = join(folder, 'kubeconfig')
    const content = {
      'current-context': 'shop',
      contexts: [{ name: 'shop', context: { cluster: 'test', user: 'shop', namespace: 'shop' } }],
      clusters: [{ name: 'test', cluster: { server: server.url, 'certificate-authority-data': authority } }],
      users: [{ name: 'shop', user: { token: await shopToken(server) } }],
    }
    writeFileSync(path, JSON.stringify(content))
    return path
  }
})
