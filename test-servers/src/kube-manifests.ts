import { readFileSync } from 'node:fs'
import { exchange } from './http-request.ts'
import type { KubeApiServer } from './kube-api-server.ts'

/** Where each kind of manifests is, within a namespace. */
const collections: Readonly<Record<string, { readonly api: string; readonly plural: string }>> = {
  ConfigMap: { api: 'api/v1', plural: 'configmaps' },
  Deployment: { api: 'apis/apps/v1', plural: 'deployments' },
  Role: { api: 'apis/rbac.authorization.k8s.io/v1', plural: 'roles' },
  RoleBinding: { api: 'apis/rbac.authorization.k8s.io/v1', plural: 'rolebindings' },
  Service: { api: 'api/v1', plural: 'services' },
  ServiceAccount: { api: 'api/v1', plural: 'serviceaccounts' },
}

/** Sends one YAML document as it is: the API server reads and validates it. `dryRun`: without keeping it. */
export function applyManifest(
  server: KubeApiServer,
  document: string,
  { namespace, dryRun = false }: { readonly namespace: string; readonly dryRun?: boolean },
): Promise<unknown> {
  const kind = /^kind: (\w+)$/m.exec(document)?.[1] ?? ''
  const collection = collections[kind]
  if (collection === undefined) throw new Error(`a manifest has a kind that is not known here: ${kind}`)
  const path = `${collection.api}/namespaces/${namespace}/${collection.plural}`
  return exchange({
    method: 'POST',
    url: `${server.url}/${path}${dryRun ? '?dryRun=All' : ''}`,
    body: document,
    headers: { Authorization: `Bearer ${server.adminToken}`, 'Content-Type': 'application/yaml' },
    tls: { ca: readFileSync(server.caPath, 'utf8') },
  })
}
