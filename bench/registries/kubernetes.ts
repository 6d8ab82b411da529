import { KubeApiServer } from 'test-servers'
import { addressOf, eachOf, type Registry, type RegistryKind } from './registry.ts'

const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'

/** A real API server; the controller that writes EndpointSlices is this bench. */
export const kubernetesKind: RegistryKind = { name: 'Kubernetes', programs: KubeApiServer.programs, start }

async function start(): Promise<Registry> {
  const server = await KubeApiServer.start()
  const { gitVersion } = (await server.request('GET', '/version')) as { gitVersion: string }
  return {
    name: `Kubernetes ${gitVersion.replace(/^v|[-+].*$/g, '')}`,
    access: { kind: 'kubernetes', url: server.url, token: server.adminToken, caFile: server.caPath },
    fill: (services, instances) =>
      eachOf(services, 4, (service, number) => {
        const addresses = Array.from({ length: instances }, (_, index) => addressOf(number, index))
        return server.request('POST', path, slice(service, `${service}-filled`, addresses, 8080))
      }),
    add: async (service, port) => {
      await server.request('POST', path, slice(service, `${service}-${port}`, ['127.0.0.1'], port))
    },
    remove: async (service, port) => {
      await server.request('DELETE', `${path}/${service}-${port}`)
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    stop: () => server.stop(),
  }
}

function slice(service: string, name: string, addresses: readonly string[], port: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port }],
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${index}`,
      targetRef: { kind: 'Pod', namespace: 'default', name: `${name}-${index}`, uid: `uid-${name}-${index}` },
    })),
  }
}
