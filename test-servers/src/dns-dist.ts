import { freePort } from './free-port.ts'
import { answersFor } from './power-dns.ts'
import { ServerProcess } from './server-process.ts'

/** dnsdist before a server, with faults by name: `addAction("slow.lb.test.", DelayAction(700))`. */
export class DnsDist {
  static readonly programs: readonly string[] = ['dnsdist']
  readonly port: number
  readonly #process: ServerProcess

  static async start(backendPort: number, faults: readonly string[]): Promise<DnsDist> {
    const port = await freePort()
    const server = new ServerProcess()
    const lines = [
      // Else it asks the internet whether there is a newer version.
      'setSecurityPollSuffix("")',
      `setLocal("127.0.0.1:${port}")`,
      `newServer({address="127.0.0.1:${backendPort}", healthCheckMode="up"})`,
      ...faults,
    ]
    const conf = server.write('dnsdist.conf', `${lines.join('\n')}\n`)
    const dnsDist = new DnsDist(port, server)
    const isReady = (): Promise<void> => answersFor('lb.test', dnsDist.address)
    await server.start('dnsdist', ['-C', conf, '--supervised', '--disable-syslog'], isReady)
    return dnsDist
  }

  private constructor(port: number, server: ServerProcess) {
    this.port = port
    this.#process = server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }
}
