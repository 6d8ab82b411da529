import { DiscoveryError } from '@lb/core'

/** A name of dots would climb out of the path of a URL, also when it is encoded. @throws DiscoveryError */
export function checkServiceName(service: unknown): void {
  if (typeof service === 'string' && service !== '' && service !== '.' && service !== '..') return
  const shown = typeof service === 'string' ? JSON.stringify(service) : typeof service
  throw new DiscoveryError(`${shown} cannot be the name of a service. Give a text other than "", "." and ".."`)
}
