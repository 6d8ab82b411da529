import { RegistryError } from '@lb/registry-http'
import type { EtcdFailure } from './messages.ts'

/** Codes of gRPC that etcd answers with. */
export const grpcCodes: Readonly<Record<'notFound' | 'permissionDenied' | 'unauthenticated', number>> = Object.freeze({
  notFound: 5,
  permissionDenied: 7,
  unauthenticated: 16,
})

/** etcd answered with an error. */
export class EtcdError extends RegistryError {
  /** That of gRPC. */
  readonly grpcCode: number

  constructor(message: string, grpcCode: number, options: { status?: number; retryAfterMs?: number } = {}) {
    super(message, options)
    this.grpcCode = grpcCode
  }
}

/** Changes may have been missed: what is known is to be listed anew. */
export class HistoryLostError extends RegistryError {}

/** Whether another token may help: it ran out, was forgotten in a restart, or users were changed since. */
export function isTokenRejected({ code, message }: EtcdFailure): boolean {
  return code === grpcCodes.unauthenticated || isTokenReason(message)
}

/** The same in the reason for which a watch was cancelled. */
export function isTokenReason(text: string): boolean {
  return /invalid auth token|revision of auth store is old|user name is empty/.test(text)
}
