import { LoadBalancer, type LoadBalancerOptions, type ServiceSnapshot } from '@lb/core'
import type { Invocation } from './command-definition.ts'
import { CommandError, usageError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { openDiscovery } from './open-discovery.ts'
import { printable } from './printable.ts'

/** One service over the discovery that the flags choose, as an application would use it. */
export interface ServiceSession {
  readonly lb: LoadBalancer
  /** The name under which the load balancer knows the service. */
  readonly service: string
  /** The name as it was given, safe to print. */
  readonly shownName: string
  /** The flag of the discovery. */
  readonly discovery: string
}

/** Opens a load balancer for `service`, and closes everything when `use` is done. */
export async function withService<T>(
  invocation: Invocation,
  service: string,
  lbOptions: Omit<LoadBalancerOptions, 'discovery' | 'services'>,
  use: (session: ServiceSession) => Promise<T>,
): Promise<T> {
  if (service === '' || service.length > 1_024 || /\p{Cc}/u.test(service)) {
    throw usageError('the service', 'a name of 1 to 1024 characters without control characters', service)
  }
  const { discovery, name } = await openDiscovery(invocation, service)
  const { options } = invocation
  const lb = new LoadBalancer({
    ...lbOptions,
    zone: options.text('zone') ?? false,
    discovery,
    // No host of a URL can have every name that a registry allows.
    services: { [hostNameOf(service)]: { nameInRegistry: service } },
  })
  const session = { lb, service: hostNameOf(service), shownName: printable(service), discovery: `--${name}` }
  try {
    return await use(session)
  } finally {
    await lb.close()
  }
}

function hostNameOf(service: string): string {
  return /^[a-z\d](?:[a-z\d._-]*[a-z\d])?$/i.test(service) && !/^[\d.]+$/.test(service) ? service : 'service'
}

/**
 * The first list of the service, within `--timeout` (default 5 s). A failure of the registry is the result at once: a person waits, and
 * sees the reason. Entries that cannot be used are warnings on standard error.
 */
export async function firstList({ lb, service }: ServiceSession, { context }: Invocation): Promise<ServiceSnapshot> {
  const { signal } = context
  let end = (): void => {}
  const failed = new Promise<never>((_, reject) => {
    end = lb.subscribe(
      (event) => {
        if (event.type === 'discovery-failed') reject(event.error)
        if (event.type === 'instance-rejected') context.err.write(`lb: left out: ${printable(event.error.message)}\n`)
      },
      ['discovery-failed', 'instance-rejected'],
    )
  })
  try {
    await Promise.race([lb.ready(service, { signal }), failed])
  } finally {
    end()
  }
  return lb.inspect(service)
}

/** How long the first list may take, in milliseconds. */
export function listTimeoutMs({ options }: Invocation): number {
  return options.durationMs('timeout') ?? 5_000
}

/** The service has no instances: exit code 3. */
export function noInstances({ shownName, discovery }: ServiceSession): CommandError {
  const remedy = 'Check its name, and the namespace, tag or filter'
  return new CommandError(`${shownName} has no instances according to ${discovery}. ${remedy}`, exitCodes.nothingFound)
}
