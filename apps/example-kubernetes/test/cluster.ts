import { readFileSync } from 'node:fs'
import type { KubeApiServer } from 'test-servers'

/** The documents of a manifest, as they are written. */
export function documentsOf(name: string): string[] {
  return readFileSync(new URL(`../manifests/${name}`, import.meta.url), 'utf8').split('\n---\n')
}

/** A token of the service account of the shop, as its pods get it. */
export async function shopToken(server: KubeApiServer): Promise<string> {
  const path = '/api/v1/namespaces/shop/serviceaccounts/shop/token'
  const { status } = (await server.request('POST', path, { spec: { expirationSeconds: 600 } })) as {
    status: { token: string }
  }
  return status.token
}

/** What the controller of Kubernetes writes for the pods of `orders`: here, processes on this machine. */
export function ordersSlices(ports: readonly number[]): object[] {
  return ports.map((port, index) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `orders-${port}`, labels: { 'kubernetes.io/service-name': 'orders' } },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['127.0.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: 'shop', name: `orders-${index}`, uid: `uid-${port}` },
      },
    ],
    ports: [{ name: 'http', protocol: 'TCP', port, appProtocol: 'http' }],
  }))
}
