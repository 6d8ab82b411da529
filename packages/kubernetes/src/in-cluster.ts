import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { authorityOf, rejectOption } from '@lb/core/authoring'
import type { TlsOptions } from '@lb/registry-http'
import type { ClusterAccess } from './cluster-access.ts'
import { isNamespace } from './service-name.ts'

/** Where a pod finds what its service account has. */
const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * What Kubernetes gives each pod: the API server by environment variables, authority, token and namespace as files.
 *
 * @throws InvalidOptionError outside of a pod
 */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder: string = accountFolder,
): Omit<ClusterAccess, 'tls'> & { readonly tls: TlsOptions } {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = environment
  if (host === '' || port === '') {
    const remedy = 'Outside of a pod, give server (with token or tokenFile) or kubeconfig'
    rejectOption('KubernetesDiscovery.server', 'given, since this process does not run in a pod', undefined, remedy)
  }
  return {
    server: `https://${authorityOf(host, port)}`,
    tls: { caFile: join(folder, 'ca.crt') },
    tokenFile: join(folder, 'token'),
    namespace: namespaceIn(folder),
  }
}

/** A pod without that file is one whose token was mounted by hand: `default`, as client-go says. */
function namespaceIn(folder: string): string | undefined {
  try {
    const namespace = readFileSync(join(folder, 'namespace'), 'utf8').trim()
    return isNamespace(namespace) ? namespace : undefined
  } catch {
    return undefined
  }
}
