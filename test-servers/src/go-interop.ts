import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { binary } from './server-binaries.ts'
import { ServerProcess } from './server-process.ts'

/** A registry by its kind and `host:port`. */
export interface GoRegistry {
  readonly kind: 'etcd' | 'consul' | 'nacos'
  readonly address: string
}

const program = 'lb-interop'
/** Clients of Nacos take seconds to connect on a machine under load. */
const readyTimeoutMs = 60_000

/** A service or a client in Go, which uses go-kratos or go-zero as programs in Go do. Its sources are in `test-servers/go`. */
export class GoInterop {
  static readonly programs: readonly string[] = [program]
  readonly #process: ServerProcess

  /**
   * An application of go-kratos with a server for each scheme (`http`, `https`, `grpc`), in their order. Resolves when it is registered. Over HTTP
   * it answers `kratos over SCHEME`.
   */
  static kratosServe({ kind, address }: GoRegistry, service: string, ...schemes: string[]): Promise<GoInterop> {
    return GoInterop.#start('kratos-serve', kind, address, service, ...schemes)
  }

  /** What four calls of a client of go-kratos are answered. Rejects when it finds no instance for this scheme. */
  static async kratosCall({ kind, address }: GoRegistry, service: string, scheme: 'http' | 'https'): Promise<string[]> {
    const cwd = await mkdtemp(join(tmpdir(), 'lb-go-'))
    try {
      const args = ['kratos-call', kind, address, service, scheme]
      const { stdout } = await promisify(execFile)(binary(program), args, { cwd, timeout: 60_000 })
      return stdout.split('\n').filter((line) => line !== '')
    } finally {
      await rm(cwd, { recursive: true, force: true })
    }
  }

  /** The publisher of go-zero. Resolves when it has published. */
  static zeroPublish(address: string, key: string, value: string): Promise<GoInterop> {
    return GoInterop.#start('zero-publish', address, key, value)
  }

  /** The subscriber of go-zero: `values` are what it knows. */
  static zeroSubscribe(address: string, key: string): Promise<GoInterop> {
    return GoInterop.#start('zero-subscribe', address, key)
  }

  static async #start(...args: readonly string[]): Promise<GoInterop> {
    const server = new ServerProcess()
    const isReady = async (): Promise<void> => {
      if (!/^ready$/m.test(server.log)) throw new Error('it is not ready yet')
    }
    await server.start(program, args, isReady, readyTimeoutMs)
    return new GoInterop(server)
  }

  private constructor(server: ServerProcess) {
    this.#process = server
  }

  /** Of a subscriber. */
  get values(): readonly string[] {
    const last = this.#process.log.match(/^values .*$/gm)?.at(-1)
    return last === undefined ? [] : (JSON.parse(last.slice('values '.length)) ?? [])
  }

  /** Ends it in order, so that it takes back what it registered. */
  async stop(): Promise<void> {
    await this.#process.terminate()
    await this.#process.stop()
  }
}
