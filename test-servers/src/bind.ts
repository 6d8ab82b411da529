import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from './free-port.ts'
import { answersFor } from './power-dns.ts'
import { binary } from './server-binaries.ts'
import { ServerProcess } from './server-process.ts'

const key = 'key "update" { algorithm hmac-sha256; secret "c2VjcmV0IG9mIHRoZSB0ZXN0cw=="; };'

/** BIND with the zone `lb.test`, which is changed while it runs. */
export class Bind {
  static readonly programs: readonly string[] = ['named', 'nsupdate']
  readonly port: number
  readonly #process: ServerProcess

  /** `records` in the form of a zone file; names are relative to `lb.test`. */
  static async start(records: readonly string[]): Promise<Bind> {
    const port = await freePort()
    const server = new ServerProcess()
    const head = '$TTL 5\n@ 5 IN SOA ns hostmaster 1 3600 600 86400 2\n@ IN NS ns\nns IN A 127.0.0.1\n'
    server.write('lb.test.zone', `${head}${records.join('\n')}\n`)
    server.write('key.conf', key)
    const conf = server.write('named.conf', configuration(server.folder, port))
    const bind = new Bind(port, server)
    await server.start('named', ['-g', '-c', conf, '-n', '1'], () => answersFor('lb.test', bind.address))
    return bind
  }

  private constructor(port: number, server: ServerProcess) {
    this.port = port
    this.#process = server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Lines such as `update add a.lb.test. 5 A 10.0.0.1`. */
  async update(...lines: string[]): Promise<void> {
    const child = spawn(binary('nsupdate'), ['-k', this.#process.path('key.conf')], {
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let complaint = ''
    child.stderr.on('data', (text: Buffer) => {
      complaint += text.toString()
    })
    child.stdin.end(`server 127.0.0.1 ${this.port}\nzone lb.test\n${lines.join('\n')}\nsend\n`)
    const [code] = (await once(child, 'close')) as [number]
    if (code !== 0) throw new Error(`nsupdate: ${complaint}`)
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }
}

function configuration(folder: string, port: number): string {
  return `
${key}
controls {};
options {
  directory "${folder}";
  pid-file "${folder}/named.pid";
  session-keyfile "${folder}/session.key";
  managed-keys-directory "${folder}";
  lock-file none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  edns-udp-size 1232;
  max-udp-size 1232;
  minimal-responses no;
  empty-zones-enable no;
};
zone "lb.test" { type master; file "lb.test.zone"; allow-update { key update; }; };
zone "broken.test" { type master; file "there-is-none"; };
`
}
