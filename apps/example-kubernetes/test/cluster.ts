import { readFileSync } from 'node:fs'
import { exchange, type KubeApiServer } from 'test-servers'

/** Where each kind of the manifests is, within a namespace. */
const paths: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/shop/serviceaccounts',
  Service: '/api/v1/namespaces/shop/services',
  Deployment: '/apis/apps/v1/namespaces/shop/deployments',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings',
}

/** The documents of a manifest, as they are written. */
export function documentsOf(name: string): string[] {
  return readFileSync(new URL(`../manifests/${name}`, import.meta.url), 'utf8').split('\n---\n')
}

/** Sends a document as it is: the API server reads YAML, and validates. `dryRun`: without keeping it. */
export function apply(
  server: KubeApiServer,
  document: string,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<unknown> {
  const kind = /^kind: (\w+)$/m.exec(document)?.[1] ?? ''
  const path = paths[kind]
  if (path === undefined) throw new Error(`the manifests have a kind that the test does not know: ${kind}`)
  return exchange({
    method: 'POST',
    url: `${server.url}${path}${dryRun ? '?dryRun=All' : ''}`,
    body: document,
    headers: { Authorization: `Bearer ${server.adminToken}`, 'Content-Type': 'application/yaml' },
    tls: { ca: readFileSync(server.caPath, 'utf8') },
  })
}

/** A token of the service account of the shop, as its pods get it. */
export async function shopToken(server: KubeApiServer): Promise<string> {
  const path = `${paths.ServiceAccount}/shop/token`
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
