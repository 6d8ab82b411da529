import { rejectOption } from '@lb/core/authoring'

/** Methods of `grpc.health.v1`. */
export const checkMethod = '/grpc.health.v1.Health/Check'
export const watchMethod = '/grpc.health.v1.Health/Watch'

const servingStatuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const

/** `HealthCheckRequest { string service = 1 }`. */
export function encodedRequest(service: string): Buffer {
  const name = Buffer.from(service)
  if (name.length === 0) return name
  if (name.length > 127) rejectOption('grpcProbe.service', 'at most 127 bytes', service)
  return Buffer.concat([Buffer.from([0x0a, name.length]), name])
}

/** `HealthCheckResponse { ServingStatus status = 1 }`. */
export function servingStatus(bytes: Buffer): string {
  const value = bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0
  return servingStatuses[value] ?? String(value)
}
