import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'

/** Of each family so many addresses are tried. */
const maxTried = 8
/** How the system says that it has no route to an address, or no address of its own for it. */
const noRoute: ReadonlySet<string> = new Set([
  'EACCES',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EHOSTUNREACH',
  'EINVAL',
  'ENETDOWN',
  'ENETUNREACH',
])

/**
 * The addresses without those of a family, IPv4 or IPv6, to none of which this machine has a route. As destination address
 * selection does (RFC 6724 section 5, rule 1), it connects a UDP socket, which sends nothing.
 *
 * All of them if only one family is there, or none has a route: then the network, and not the address, is at fault.
 */
export async function routableAddresses(addresses: readonly string[]): Promise<readonly string[]> {
  const families = [addresses.filter(isIPv6), addresses.filter((address) => !isIPv6(address))]
  if (families.some(({ length }) => length === 0)) return addresses
  const reached = await Promise.all(families.map(hasRoute))
  const routable = families.filter((_, index) => reached[index])
  return routable.length === 0 ? addresses : routable.flat()
}

async function hasRoute(addresses: readonly string[]): Promise<boolean> {
  for (const address of addresses.slice(0, maxTried)) {
    if (await connects(address)) return true
  }
  return false
}

function connects(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    socket.unref()
    // Another failure, such as one for want of descriptors, says nothing of the route.
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      resolve(!noRoute.has(code))
      socket.close()
    })
    socket.once('connect', () => {
      resolve(true)
      socket.close()
    })
    // The port of the discard protocol.
    socket.connect(9, address)
  })
}
