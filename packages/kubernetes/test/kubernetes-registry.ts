import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { HttpStatusError, type KubeApiServer } from 'test-servers'
import { KubernetesDiscovery, type KubernetesDiscoveryOptions } from '../src/index.ts'
import { podEndpoint, type SliceJson, slice } from './slices.ts'

/** Writes EndpointSlices to a real API server, as its controller would. */
export class KubernetesRegistry {
  readonly #server: KubeApiServer
  readonly #written = new Map<string, Map<string, string>>()

  constructor(server: KubeApiServer) {
    this.#server = server
  }

  /** A discovery that asks the server as its admin. */
  discover(options: KubernetesDiscoveryOptions = {}): KubernetesDiscovery {
    const { url, caPath, adminToken } = this.#server
    const identity = options.tokenFile === undefined ? { token: adminToken } : {}
    return new KubernetesDiscovery({ server: url, caFile: caPath, ...identity, ...options })
  }

  /** Makes `slices` all there are of `service`. */
  async write(service: string, slices: readonly SliceJson[], namespace = 'default'): Promise<void> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
    const before = this.#written.get(`${namespace}/${service}`) ?? new Map<string, string>()
    const now = new Map(slices.map((one) => [one.metadata.name, JSON.stringify(one)]))
    for (const [name, json] of now) {
      if (before.get(name) === json) continue
      if (before.has(name)) await this.#put(`${path}/${name}`, json)
      else await this.#server.request('POST', path, json)
    }
    for (const name of before.keys()) {
      if (!now.has(name)) await this.#server.request('DELETE', `${path}/${name}`)
    }
    this.#written.set(`${namespace}/${service}`, now)
  }

  /** One more slice, which `write` knows nothing of. */
  async add(slice: SliceJson): Promise<void> {
    await this.#server.request('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', slice)
  }

  /** Makes `instances` the whole list of `service`: a slice for each, with the weight and the labels of its own. */
  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    await this.write(
      service,
      instances.map((init) => sliceOfInstance(service, init)),
    )
  }

  async #put(path: string, json: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const { metadata } = (await this.#server.request('GET', path)) as { metadata: { resourceVersion: string } }
      const slice = JSON.parse(json) as SliceJson
      const body = { ...slice, metadata: { ...slice.metadata, resourceVersion: metadata.resourceVersion } }
      try {
        await this.#server.request('PUT', path, body)
        return
      } catch (cause) {
        if (!(cause instanceof HttpStatusError && cause.status === 409) || attempt === 3) throw cause
      }
    }
  }
}

function sliceOfInstance(service: string, init: ServiceInstanceInit): SliceJson {
  const { host, port, weight, secure, metadata } = parseInstance(init)
  const name = `${service}-${host.replace(/[.:]+/g, '-')}-${port}`
  const appProtocol = secure ? 'https' : 'http'
  return slice(service, name, [podEndpoint(host, name)], {
    addressType: host.includes(':') ? 'IPv6' : 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port, appProtocol }],
    labels: metadata,
    annotations: { 'lb/weight': String(weight) },
  })
}
