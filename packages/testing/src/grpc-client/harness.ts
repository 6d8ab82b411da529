import type { LoadBalancer } from '@lb/core'
import type { GrpcServerModule } from './loopback-server.ts'

/** A call that the suite makes through the client under test. */
export interface GrpcClientRequest {
  /** The text of the request, at most 127 bytes. */
  readonly text: string
  /** Limit of the call, in milliseconds. */
  readonly deadlineMs?: number
  /** Metadata of the request. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** Whether the call waits for the service to be ready instead of failing. @default false */
  readonly waitForReady?: boolean
}

/** What is said to lb when the client is made. */
export interface GrpcClientSetting {
  /** Methods whose calls may be repeated. */
  readonly idempotent: readonly string[]
  /** The metadata by which calls are hashed. */
  readonly hashedMetadata: string
  /** The metadata that says what a call is worth. */
  readonly criticalityMetadata: string
}

/** A client of the service of `textProto`. A call that fails rejects with an error that has the number of its status as `code`. */
export interface GrpcClientUnderTest {
  /** Calls `Say`, which responds with one text. */
  say(request: GrpcClientRequest): Promise<string>
  /** Calls `Follow`, and gives each text as it comes. */
  follow(request: GrpcClientRequest): AsyncIterable<string>
  /** Closes its channel. */
  close(): void
}

/** The client under test. */
export interface GrpcClientHarness {
  /** `@grpc/grpc-js`, of which the suite makes its servers. */
  readonly grpc: GrpcServerModule
  /** Makes a client whose target names the service `service`. */
  create(lb: LoadBalancer, service: string, setting: GrpcClientSetting): GrpcClientUnderTest
}

/** What a client can do. The suite tests the declared capabilities. */
export interface GrpcClientCapabilities {
  /** Whether calls can wait for the service to be ready. @default true */
  readonly waitForReady?: boolean
}
