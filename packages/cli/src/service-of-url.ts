import type { LoadBalancer } from '@lb/core'
import { withLbAuthority } from '@lb/core/authoring'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { printable } from './printable.ts'

const authority = /^([a-z][a-z\d+.-]*):\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:[\]\s]+)(?::(\d*))?(?:[/?#]|$)/i

/** The service that a URL or a name names, and why; `undefined` if a URL names a server. */
export function serviceOfUrl(
  target: string,
  lb: LoadBalancer,
): { readonly service: string | undefined; readonly message: string } {
  const text = withLbAuthority(target)
  if (!text.includes('://')) return { service: target, message: '' }
  const [, written = '', host = '', port] = authority.exec(text) ?? []
  const scheme = written.toLowerCase()
  const shown = printable(host)
  if (host === '' || !['http', 'https', 'lb'].includes(scheme)) {
    throw new CommandError(
      'the URL must be http:, https: or lb:, with a host. Or give the name of a service',
      exitCodes.usage,
    )
  }
  const service = lb.serviceOf({ scheme, host, port })
  if (service === undefined)
    return { service, message: `the URL names the server ${shown}, not a service: ${reason(host, port)}` }
  return { service, message: `the URL names the service ${printable(service)}` }
}

function reason(host: string, port: string | undefined): string {
  const remedy = `write lb://${printable(host)}, or configure the name under "services"`
  if (port !== undefined) return 'it has a port, which is one server’s. Leave the port out'
  if (host.toLowerCase() === 'localhost') return 'localhost is this machine. Use another name'
  if (/^[\d.]+$|^\[/.test(host)) return 'it is an IP address. Use the name of the service'
  return `a name with dots is one of DNS, unless it is configured: ${remedy}`
}
