import { DiscoveryError } from '@lb/core'

/** Which Service of which namespace. */
export interface ServiceReference {
  readonly namespace: string
  readonly name: string
}

/** A DNS label (RFC 1123), as the names of namespaces and Services are. */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

/** Whether `text` can be the name of a namespace. */
export function isNamespace(text: string): boolean {
  return label.test(text)
}

/**
 * The Service that `service` names, in the forms that Kubernetes' DNS has: `orders`, `orders.prod`, `orders.prod.svc`,
 * `orders.prod.svc.cluster.local`. A Service has no dot in its name, so what follows the first one is the namespace.
 *
 * @throws DiscoveryError
 */
export function parseServiceName(service: string, defaultNamespace: string): ServiceReference {
  const [name = '', namespace = defaultNamespace, svc = 'svc'] = service.split('.')
  if (label.test(name) && label.test(namespace) && svc === 'svc') return { namespace, name }
  throw new DiscoveryError(
    `${JSON.stringify(service.slice(0, 80))} names no Service: write "orders", or "orders.prod" for the one in the namespace prod`,
    { service },
  )
}
