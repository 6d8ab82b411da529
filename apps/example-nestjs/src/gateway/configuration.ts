/** Where the gateway finds the services: a list, or SRV records. */
export interface GatewayConfiguration {
  readonly discovery: 'static' | 'dns-srv'
  /** For `static`: instances by service. */
  readonly instances: Readonly<Record<string, readonly string[]>>
  /** For `dns-srv`: the DNS name of a service, `{service}` standing for its name. */
  readonly dnsName: string
  /** For `dns-srv`: servers to ask. None: those of the system. */
  readonly dnsServers: readonly string[]
}

/**
 * From the environment: `DISCOVERY`, `USER_SERVICE` and `ORDER_SERVICE` (`host:port,host:port`), `DNS_NAME`, `DNS_SERVERS`.
 */
export function configurationOf(environment: NodeJS.ProcessEnv): GatewayConfiguration {
  const { DISCOVERY = 'static', DNS_NAME = '_http._tcp.{service}' } = environment
  if (DISCOVERY !== 'static' && DISCOVERY !== 'dns-srv') {
    throw new Error(`DISCOVERY is ${DISCOVERY}; set it to static or dns-srv`)
  }
  return {
    discovery: DISCOVERY,
    instances: {
      'user-service': list(environment.USER_SERVICE),
      'order-service': list(environment.ORDER_SERVICE),
    },
    dnsName: DNS_NAME,
    dnsServers: list(environment.DNS_SERVERS),
  }
}

function list(text = ''): string[] {
  return text.split(',').filter((item) => item !== '')
}
