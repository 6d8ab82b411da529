import type * as grpc from '@grpc/grpc-js'
import {
  type GrpcClientHarness,
  type GrpcClientRequest,
  type GrpcClientUnderTest,
  textMethod,
} from '@lb/testing/suites'
import { type GrpcModule, registerLoadBalancer } from '../src/index.ts'

let registered = 0

/** A client of grpc-js, of whatever version `module` is. */
export function grpcJsHarness(module: GrpcModule & GrpcClientHarness['grpc']): GrpcClientHarness {
  return {
    grpc: module,
    create: (lb, service, { idempotent, hashedMetadata, criticalityMetadata }) => {
      const scheme = `lb${registered++}`
      registerLoadBalancer(lb, {
        scheme,
        idempotent,
        criticality: criticalityMetadata,
        hashKey: ({ metadata }) => metadata.get(hashedMetadata)[0]?.toString(),
        grpc: module,
      })
      return new TextClient(module, new module.Client(`${scheme}:${service}`, module.credentials.createInsecure()))
    },
  }
}

/** The service of the suite over a client of grpc-js. */
export class TextClient implements GrpcClientUnderTest {
  readonly #module: GrpcModule
  readonly #client: grpc.Client

  constructor(module: GrpcModule, client: grpc.Client) {
    this.#module = module
    this.#client = client
  }

  say(request: GrpcClientRequest): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = textMethod('Say')
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest<string, string>(
        path,
        requestSerialize,
        responseDeserialize,
        request.text,
        this.#metadata(request),
        request.deadlineMs === undefined ? {} : { deadline: Date.now() + request.deadlineMs },
        (error, text = '') => (error === null ? resolve(text) : reject(error)),
      )
      request.signal?.addEventListener('abort', () => call.cancel())
    })
  }

  follow(request: GrpcClientRequest): AsyncIterable<string> {
    const { path, requestSerialize, responseDeserialize } = textMethod('Follow')
    return this.#client.makeServerStreamRequest<string, string>(
      path,
      requestSerialize,
      responseDeserialize,
      request.text,
      this.#metadata(request),
    )
  }

  close(): void {
    this.#client.close()
  }

  #metadata({ metadata = {}, waitForReady = false }: GrpcClientRequest): grpc.Metadata {
    const made = new this.#module.Metadata({ waitForReady })
    for (const [name, value] of Object.entries(metadata)) made.set(name, value)
    return made
  }
}
