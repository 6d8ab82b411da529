import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { ServiceDiscovery } from '@lb/core'
import type { KubernetesDiscoveryOptions } from '@lb/kubernetes'
import type { Invocation } from './command-definition.ts'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { tokenOf } from './registry-credentials.ts'

/** Opens Kubernetes: the API server that was given, else the kubeconfig, else the cluster of the pod. */
export async function openKubernetes(invocation: Invocation): Promise<ServiceDiscovery> {
  const { KubernetesDiscovery } = await import('@lb/kubernetes')
  const access = accessOf(invocation)
  try {
    return new KubernetesDiscovery(access)
  } catch (error) {
    if (typeof access.kubeconfig !== 'string' || !needsPlugin(error)) throw error
    const { context, ...rest } = access
    return new KubernetesDiscovery({ ...rest, kubeconfig: await loadWithPlugins(access.kubeconfig, context) })
  }
}

function accessOf(invocation: Invocation): KubernetesDiscoveryOptions {
  const { options, context } = invocation
  const port = options.text('port')
  const server = options.text('kubernetes')
  const common: KubernetesDiscoveryOptions = {
    namespace: options.text('namespace'),
    port: port !== undefined && /^\d+$/.test(port) ? Number(port) : port,
    context: options.text('context'),
  }
  const token = tokenOf(invocation)
  const own = { token, tokenFile: options.text('token-file'), caFile: options.text('ca-file') }
  const isOwn = Object.values(own).some((value) => value !== undefined)
  const given = options.text('kubeconfig')
  if (server !== undefined) return { ...common, ...own, server, kubeconfig: given }
  const kubeconfig = given ?? (isOwn ? undefined : kubeconfigOf(context.env))
  return { ...common, ...own, kubeconfig }
}

/** As kubectl looks for it; only the first file of several counts. */
function kubeconfigOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const [named] = (env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '')
  if (named !== undefined) return named
  const home = env.HOME ?? env.USERPROFILE
  const usual = home === undefined ? undefined : join(home, '.kube', 'config')
  return usual !== undefined && existsSync(usual) ? usual : undefined
}

function needsPlugin(error: unknown): boolean {
  return error instanceof Error && /exec plugin|auth provider/.test(error.message)
}

async function loadWithPlugins(
  path: string,
  context: string | undefined,
): Promise<KubernetesDiscoveryOptions['kubeconfig']> {
  const { KubeConfig } = await import('@kubernetes/client-node').catch(() => {
    const remedy = 'npm install @kubernetes/client-node'
    throw new CommandError(
      `the kubeconfig ${path} needs a plugin, and @kubernetes/client-node, which runs plugins, is not installed: ${remedy}`,
      exitCodes.failed,
    )
  })
  const kubeconfig = new KubeConfig()
  kubeconfig.loadFromFile(path)
  if (context !== undefined) kubeconfig.setCurrentContext(context)
  return kubeconfig
}
