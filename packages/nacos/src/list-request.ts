import type { VersionedRequest } from './client.ts'
import { type GroupedName, joinedName } from './service-name.ts'

export interface ListRequestOptions {
  readonly namespace: string
  readonly clusters?: readonly string[] | undefined
  /** Where 1.x and 2.x servers are to push changes. */
  readonly push?: { readonly host: string; readonly port: number } | undefined
}

/** Nacos pushes to clients that say they are one of its own; its Node client says the same. */
const pushedAgent = 'Nacos-Java-Client:v1.0.0'

/** The question for all instances, also those that are not healthy: asked for healthy ones only, a server would skip its `protectThreshold`. */
export function listRequest(service: GroupedName, { namespace, clusters, push }: ListRequestOptions): VersionedRequest {
  const names = clusters?.join(',')
  const headers = push === undefined ? {} : { 'user-agent': pushedAgent, 'client-version': pushedAgent }
  return {
    v3: {
      method: 'GET',
      path: '/v3/client/ns/instance/list',
      query: { serviceName: service.name, groupName: service.group, namespaceId: namespace, clusterName: names },
    },
    v1: {
      method: 'GET',
      path: '/v1/ns/instance/list',
      query: {
        serviceName: joinedName(service),
        groupName: service.group,
        namespaceId: namespace,
        clusters: names,
        healthyOnly: 'false',
        udpPort: push?.port,
        clientIP: push?.host,
      },
      headers,
    },
  }
}
