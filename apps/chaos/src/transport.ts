import type { LoadBalancer } from '@lb/core'
import type { Client } from './client.ts'
import { grpcClient } from './grpc-client.ts'
import { httpClient } from './http-client.ts'

/** Over which protocol callers reach the backends. */
export type Transport = 'http' | 'grpc'

export const transports: readonly Transport[] = ['http', 'grpc']

/** `timeoutMs`: of each request; 0: none. */
export function clientOf(transport: Transport, lb: LoadBalancer, timeoutMs: number): Client {
  return transport === 'http' ? httpClient(lb, timeoutMs) : grpcClient(lb, timeoutMs)
}
