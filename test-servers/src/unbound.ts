import { freePort } from './free-port.ts'
import { answersFor } from './power-dns.ts'
import { ServerProcess } from './server-process.ts'

/** Unbound, a resolver that caches what the server of a zone says. */
export class Unbound {
  static readonly programs: readonly string[] = ['unbound']
  readonly port: number
  readonly #process: ServerProcess

  static async start(zone: string, authoritativePort: number): Promise<Unbound> {
    const port = await freePort()
    const server = new ServerProcess()
    const conf = server.write('unbound.conf', configuration(server.folder, port, zone, authoritativePort))
    const unbound = new Unbound(port, server)
    await server.start('unbound', ['-d', '-c', conf], () => answersFor(zone, unbound.address))
    return unbound
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

function configuration(folder: string, port: number, zone: string, authoritativePort: number): string {
  return `
server:
  directory: "${folder}"
  pidfile: "${folder}/unbound.pid"
  chroot: ""
  username: ""
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1
  port: ${port}
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
  edns-buffer-size: 1232
  max-udp-size: 1232
  num-threads: 1
stub-zone:
  name: "${zone}"
  stub-addr: 127.0.0.1@${authoritativePort}
remote-control:
  control-enable: no
`
}
