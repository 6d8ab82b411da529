import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type * as grpc from '@grpc/grpc-js'
import { unsharedPort } from '../unshared-port.ts'
import { textMethod } from './text-message.ts'

/** What a server does with one call of `Say` or `Follow`. */
export interface GrpcServerBehaviour {
  /** Delay before the response, in milliseconds. @default 0 */
  readonly latencyMs?: number | undefined
  /** The status of the call, by its number. @default 0: OK */
  readonly code?: number | undefined
  /** Trailers of the call. Names that end in `-bin` have bytes. */
  readonly trailers?: Readonly<Record<string, string | Buffer>> | undefined
  /** Whether it never responds. */
  readonly isSilent?: boolean | undefined
}

/** A call that a server has received. */
export interface GrpcServerCall {
  /** The text of the request. */
  readonly text: string
  /** The metadata of the request, the first value of each. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Whether its client gave it up. */
  isCancelled: boolean
}

type UnaryCall = grpc.ServerUnaryCall<string, string>
type StreamCall = grpc.ServerWritableStream<string, string>

/** The parts of grpc-js that servers need. */
export type GrpcServerModule = Pick<typeof grpc, 'Metadata' | 'Server' | 'ServerCredentials'>

/** A real gRPC server on loopback whose behaviour the test determines. */
export class LoopbackGrpcServer {
  /** The name of the server, which its responses contain. */
  readonly id: string
  /** The behaviour; it may change at any time. */
  script: GrpcServerBehaviour = {}
  /** Calls that were received, in order. */
  readonly calls: GrpcServerCall[] = []
  readonly #grpc: GrpcServerModule
  readonly #streams = new Set<StreamCall>()
  #server: grpc.Server | undefined
  #port = 0

  private constructor(module: GrpcServerModule, id: string) {
    this.#grpc = module
    this.id = id
  }

  /** Starts a server on an `unsharedPort`. */
  static async start(module: GrpcServerModule, id: string): Promise<LoopbackGrpcServer> {
    const server = new LoopbackGrpcServer(module, id)
    server.#port = await unsharedPort()
    await server.restart()
    return server
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Listens again, on the same port. */
  async restart(): Promise<void> {
    const server = new this.#grpc.Server()
    server.addService(
      { Say: textMethod('Say'), Follow: textMethod('Follow', { stream: true }) },
      {
        Say: (call: UnaryCall, callback: grpc.sendUnaryData<string>) => this.#say(call, callback),
        Follow: (call: StreamCall) => this.#follow(call),
      },
    )
    const credentials = this.#grpc.ServerCredentials.createInsecure()
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(this.address, credentials, (error) => (error === null ? resolve() : reject(error)))
    })
    this.#server = server
  }

  /** Breaks every call and connection, as a process that is killed does. */
  kill(): void {
    this.#server?.forceShutdown()
    this.#server = undefined
  }

  /** Takes no new calls, and ends when those that run have ended. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#server === undefined) resolve()
      else this.#server.tryShutdown(() => resolve())
    })
  }

  /** Sends `text` on every open stream. */
  publish(text: string): void {
    for (const stream of this.#streams) stream.write(text)
  }

  /** Ends every open stream well. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end()
  }

  #received(call: Pick<UnaryCall, 'request' | 'metadata'> & EventEmitter): GrpcServerCall {
    const received: GrpcServerCall = { text: call.request, metadata: call.metadata.getMap(), isCancelled: false }
    this.calls.push(received)
    call.on('cancelled', () => {
      received.isCancelled = true
    })
    return received
  }

  #say(call: UnaryCall, callback: grpc.sendUnaryData<string>): void {
    this.#received(call)
    const { latencyMs = 0, code = 0, trailers = {}, isSilent } = this.script
    if (isSilent === true) return
    const metadata = new this.#grpc.Metadata()
    for (const [name, value] of Object.entries(trailers)) metadata.set(name, value)
    const respond = (): void => {
      if (code === 0) callback(null, `${this.id}: ${call.request}`, metadata)
      else callback({ code, details: `${this.id} says ${code}`, metadata })
    }
    if (latencyMs === 0) respond()
    else void delay(latencyMs).then(respond)
  }

  #follow(call: StreamCall): void {
    this.#received(call)
    this.#streams.add(call)
    call.on('close', () => this.#streams.delete(call))
    call.on('cancelled', () => this.#streams.delete(call))
    call.write(`${this.id}: ${call.request}`)
  }
}
