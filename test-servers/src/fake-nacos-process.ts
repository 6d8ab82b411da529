import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { FakeNacosInstanceInit } from './fake-nacos.ts'
import type { FakeNacosOptions } from './fake-nacos-options.ts'
import { freePort } from './free-port.ts'
import { stopProcess } from './stopped-process.ts'

const program = fileURLToPath(new URL('fake-nacos-program.ts', import.meta.url))

/** A `FakeNacos` that can die and stand still. What it knew is forgotten when it is killed, as a real server forgets ephemeral instances. */
export class FakeNacosProcess {
  readonly #options: FakeNacosOptions & { readonly port: number }
  #child: ChildProcess | undefined

  static async start(options: FakeNacosOptions = {}): Promise<FakeNacosProcess> {
    const server = new FakeNacosProcess({ ...options, port: options.port ?? (await freePort()) })
    await server.restart()
    return server
  }

  private constructor(options: FakeNacosOptions & { readonly port: number }) {
    this.#options = options
  }

  get url(): string {
    return `http://127.0.0.1:${this.#options.port}`
  }

  /** Starts it on the same port; one that runs is killed before. Resolves when it takes requests. */
  async restart(options: FakeNacosOptions = {}): Promise<void> {
    await this.kill()
    const child = spawn(process.execPath, [program, JSON.stringify({ ...this.#options, ...options })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    process.once('exit', this.#end)
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the fake Nacos ended before it was ready')))
    await Promise.race([once(child.stdout, 'data'), ended])
    ended.catch(() => {})
  }

  /** SIGKILL: connections are reset, nothing is said. */
  async kill(): Promise<void> {
    const child = this.#child
    process.removeListener('exit', this.#end)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** The process stands still: it is there, and takes connections, but answers nothing. */
  pause(): void {
    if (this.#child !== undefined) stopProcess(this.#child)
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Writes to it as any client does: registers an instance that lives without beats. */
  async register(service: string, { metadata = {}, ...fields }: FakeNacosInstanceInit): Promise<void> {
    await this.#send('POST', service, { ephemeral: false, ...fields, metadata: JSON.stringify(metadata) })
  }

  async deregister(service: string, { ip, port }: Pick<FakeNacosInstanceInit, 'ip' | 'port'>): Promise<void> {
    await this.#send('DELETE', service, { ip, port })
  }

  readonly #end = (): void => {
    this.#child?.kill('SIGKILL')
  }

  async #send(method: string, serviceName: string, fields: object): Promise<void> {
    const isNew = (this.#options.version ?? '3.2').startsWith('3')
    const entries = Object.entries({ serviceName, ...fields }).map(([name, value]) => [name, String(value)])
    const path = isNew ? '/nacos/v3/client/ns/instance' : '/nacos/v1/ns/instance'
    const response = await fetch(`${this.url}${path}?${new URLSearchParams(entries).toString()}`, { method })
    if (!response.ok)
      throw new Error(`FakeNacosProcess: ${method} ${serviceName}: ${response.status} ${await response.text()}`)
    await response.arrayBuffer()
  }
}
