import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { KubernetesDiscovery } from '@lb/kubernetes'
import { createFetch, type LoadBalancedFetch } from '@lb/undici'
import { applyManifest, freePort, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder, RecipeProcess, saidBy } from './recipe-process.ts'

const slices = '/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices'
const manifests = readdirSync(folder).filter(
  (file) => file.endsWith('.yaml') && readFileSync(join(folder, file), 'utf8').startsWith('apiVersion:'),
)
const documentsOf = (file: string): string[] => readFileSync(join(folder, file), 'utf8').split('\n---\n')

type PodState = 'ready' | 'terminating'

describeWithServers('recipes for Kubernetes, on an API server', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let volume: string
  let kubeconfig: string
  const running: RecipeProcess[] = []
  beforeAll(async () => {
    volume = mkdtempSync(join(tmpdir(), 'lb-recipe-'))
    server = await KubeApiServer.start()
    await server.request('POST', '/api/v1/namespaces', { metadata: { name: 'prod' } })
    for (const document of documentsOf('kubernetes.yaml')) await applyManifest(server, document, { namespace: 'prod' })
    kubeconfig = join(volume, 'kubeconfig')
    writeFileSync(kubeconfig, JSON.stringify(await accessOfPod()))
  }, startTimeoutMs)
  afterAll(async () => {
    for (const child of running) await child[Symbol.asyncDispose]()
    rmSync(volume, { recursive: true })
    await server.stop()
  })

  /** What a pod with the service account of the recipe has: its token, and the authority of the cluster. */
  async function accessOfPod(): Promise<object> {
    const path = '/api/v1/namespaces/prod/serviceaccounts/my-app/token'
    const { status } = (await server.request('POST', path, { spec: { expirationSeconds: 600 } })) as {
      status: { token: string }
    }
    const authority = readFileSync(server.caPath).toString('base64')
    return {
      'current-context': 'prod',
      contexts: [{ name: 'prod', context: { cluster: 'test', user: 'my-app', namespace: 'prod' } }],
      clusters: [{ name: 'test', cluster: { server: server.url, 'certificate-authority-data': authority } }],
      users: [{ name: 'my-app', user: { token: status.token } }],
    }
  }

  /** A process of the recipe that stands in for a pod. */
  async function startPod(name: string): Promise<{ port: number; child: RecipeProcess }> {
    const port = await freePort()
    const child = new RecipeProcess('kubernetes-instance', { NAME: name, PORT: String(port), NOTICE_MS: '2000' })
    running.push(child)
    await child.prints('listening')
    return { port, child }
  }

  /** Does what the controller of EndpointSlices does when a pod becomes ready, terminates, or has gone. */
  function say(service: string, port: number, state: PodState): Promise<unknown> {
    const ready = state === 'ready'
    return server.request(ready ? 'POST' : 'PATCH', ready ? slices : `${slices}/${service}-${port}`, {
      ...(ready && { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' }),
      metadata: { name: `${service}-${port}`, labels: { 'kubernetes.io/service-name': service } },
      endpoints: [
        {
          addresses: ['127.0.0.1'],
          conditions: { ready, serving: true, terminating: !ready },
          targetRef: { kind: 'Pod', namespace: 'prod', name: `pod-${port}`, uid: `uid-${port}` },
        },
      ],
      ports: [{ name: 'http', protocol: 'TCP', port }],
    })
  }

  it.each(manifests)('%s is accepted', async (file) => {
    for (const document of documentsOf(file)) {
      const renamed = document.replace(/^( {2}name: .*)$/m, '$1-checked')
      await applyManifest(server, renamed, { namespace: 'prod', dryRun: true })
    }
  })

  it('the program follows the EndpointSlices with the rights of its service account', async () => {
    for (const name of ['first', 'second']) await say('user-service', (await startPod(name)).port, 'ready')
    await using child = new RecipeProcess('kubernetes', { KUBECONFIG: kubeconfig })
    await child.prints('first 6, second 6')
    await say('user-service', (await startPod('third')).port, 'ready')
    expect(await child.end()).toBe(saidBy('kubernetes'))
  })

  it('a rolling deploy loses no GET and no POST, and none has to be repeated', async () => {
    const old = await Promise.all(['1', '2', '3'].map(startPod))
    for (const { port } of old) await say('orders', port, 'ready')
    const lb = new LoadBalancer({ discovery: new KubernetesDiscovery({ namespace: 'prod', port: 'http', kubeconfig }) })
    let retries = 0
    lb.subscribe(() => void retries++, ['retry'])
    const fetch = createFetch(lb)
    const load = startLoad(fetch)
    for (const { port, child } of old) {
      await say('orders', (await startPod('new')).port, 'ready')
      const exited = child.terminate()
      await sleep(500)
      await say('orders', port, 'terminating')
      expect(await exited).toBe(0)
      await server.request('DELETE', `${slices}/orders-${port}`)
    }
    const { sent, failed } = await load.stop()
    await fetch.close()
    await lb.close()
    expect(failed).toEqual([])
    expect(retries).toBe(0)
    expect(sent).toBeGreaterThan(200)
  }, 60_000)
})

/** GETs and POSTs, a hundred per second, until it is stopped. */
function startLoad(fetch: LoadBalancedFetch): { stop(): Promise<{ sent: number; failed: unknown[] }> } {
  const failed: unknown[] = []
  const calls: Promise<unknown>[] = []
  const call = async (method: string): Promise<void> => {
    const response = await fetch('http://orders/', { method })
    if (!response.ok || !['1', '2', '3', 'new'].includes(await response.text())) failed.push(response.status)
  }
  const send = (method: string): void => void calls.push(call(method).catch((error: unknown) => failed.push(error)))
  const timer = setInterval(() => ['GET', 'POST'].forEach(send), 20)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(calls)
      return { sent: calls.length, failed }
    },
  }
}
