import * as grpcJs from '@grpc/grpc-js'
import type { HealthProbe, HealthProbeResult, ServiceInstance } from '@lb/core'
import { authorityOf, checkKeys, rejectOption } from '@lb/core/authoring'

/** How `grpcProbe` asks an instance. */
export interface GrpcProbeOptions {
  /** The service that is asked about: `users.v1.Users`. @default '': the server as a whole */
  readonly service?: string | undefined
  /** Those of the connection. @default without TLS; with that of the system for a `secure` instance */
  readonly credentials?: grpcJs.ChannelCredentials | undefined
  /** Options of the connection, such as `grpc.ssl_target_name_override`. @default {} */
  readonly channelOptions?: grpcJs.ChannelOptions | undefined
}

const method = '/grpc.health.v1.Health/Check'

const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const

/**
 * A probe by the health checking protocol of gRPC, for `healthCheck`: `{ probe: grpcProbe() }`. Each probe is one call of `Check` over
 * a connection of its own, so that an instance that takes no new connections is found, too.
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
  return (instance, { signal }) => {
    const own = instance.secure ? grpcJs.credentials.createSsl() : grpcJs.credentials.createInsecure()
    const client = new grpcJs.Client(targetOf(instance), credentials ?? own, {
      ...channelOptions,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
    })
    return checked(client, request, signal).finally(() => client.close())
  }
}

function targetOf({ host, port }: ServiceInstance): string {
  // A list of one address: no name is looked up before its time.
  return host.includes(':') ? `ipv6:${authorityOf(host, port)}` : `dns:${authorityOf(host, port)}`
}

function checked(client: grpcJs.Client, request: Buffer, signal: AbortSignal): Promise<HealthProbeResult> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest<Buffer, string>(
      method,
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

/** `HealthCheckRequest { string service = 1 }`. */
function encodedRequest(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  if (name.length > 127) rejectOption('grpcProbe.service', 'at most 127 bytes', service)
  return Buffer.concat([Buffer.from([0x0a, name.length]), name])
}

/** `HealthCheckResponse { ServingStatus status = 1 }`. */
function servingStatus(bytes: Buffer): string {
  const value = bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0
  return servingStatuses[value] ?? String(value)
}
