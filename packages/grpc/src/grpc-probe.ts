import * as grpcJs from '@grpc/grpc-js'
import type { HealthProbe, HealthProbeResult, ServiceInstance } from '@lb/core'
import { authorityOf, checkKeys, rejectOption } from '@lb/core/authoring'
import { checkMethod, encodedRequest, servingStatus } from './health-service.ts'
import { HealthWatch } from './health-watch.ts'

/** A response has one number. */
const maxMessageBytes = 1_024

/** How `grpcProbe` asks an instance. */
export interface GrpcProbeOptions {
  /** The service that is asked about: `users.v1.Users`. @default '': the server as a whole */
  readonly service?: string | undefined
  /** Those of the connection. @default without TLS; with that of the system for a `secure` instance */
  readonly credentials?: grpcJs.ChannelCredentials | undefined
  /** Options of the connection, such as `grpc.ssl_target_name_override`. @default {} */
  readonly channelOptions?: grpcJs.ChannelOptions | undefined
}

/**
 * A probe by the health checking protocol of gRPC, for `healthCheck`: `{ probe: grpcProbe() }`. Each probe is one call of `Check` over
 * a connection of its own, so that an instance that takes no new connections is found, too. Where the server has `Watch`, one stream
 * for each instance tells of changes at once, and `Check` is called every `idleIntervalMs`. The streams end with the load balancer; an
 * open one keeps the process alive.
 *
 * Source: `grpc.health.v1`, the GRPC Health Checking Protocol.
 *
 * @throws InvalidOptionError
 */
export function grpcProbe(options: GrpcProbeOptions = {}): HealthProbe {
  checkKeys('grpcProbe', options, ['service', 'credentials', 'channelOptions'])
  const { service = '', credentials, channelOptions } = options
  if (typeof service !== 'string') rejectOption('grpcProbe.service', 'the name of a service of gRPC', service)
  if (credentials !== undefined && !(credentials instanceof grpcJs.ChannelCredentials)) {
    rejectOption('grpcProbe.credentials', 'credentials of a channel', credentials)
  }
  const request = encodedRequest(service)
  const connect = (instance: ServiceInstance): grpcJs.Client => {
    const own = instance.secure ? grpcJs.credentials.createSsl() : grpcJs.credentials.createInsecure()
    return new grpcJs.Client(targetOf(instance), credentials ?? own, {
      'grpc.max_receive_message_length': maxMessageBytes,
      ...channelOptions,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
    })
  }
  const check: HealthProbe = (instance, { signal }) => {
    const client = connect(instance)
    return checked(client, request, signal).finally(() => client.close())
  }
  const watch: HealthProbe['watch'] = (instance, observer) =>
    new HealthWatch({ connect: () => connect(instance), request, observer })
  return Object.assign(check, { watch })
}

function targetOf({ host, port }: ServiceInstance): string {
  // A list of one address: no name is looked up before its time.
  return host.includes(':') ? `ipv6:${authorityOf(host, port)}` : `dns:${authorityOf(host, port)}`
}

function checked(client: grpcJs.Client, request: Buffer, signal: AbortSignal): Promise<HealthProbeResult> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<Buffer, string>(
      checkMethod,
      (bytes) => bytes,
      servingStatus,
      request,
      (error, status) => {
        if (error !== null) reject(error)
        else resolve({ healthy: status === 'SERVING', reason: `Check answered ${status}` })
      },
    )
    signal.addEventListener('abort', () => call.cancel(), { once: true })
  })
}
