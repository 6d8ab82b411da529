import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { binary } from './server-binaries.ts'

const run = promisify(execFile)

/** A network of its own for servers, of which a test decides what reaches them. Made by `TestNetwork`. */
export class NetworkNamespace {
  readonly name: string
  /** Of the servers in it, for those outside. */
  readonly address: string

  constructor(name: string, address: string) {
    this.name = name
    this.address = address
  }

  /** What stands before a command that is to run in it. The process that results is that of the command. */
  get command(): readonly string[] {
    return [binary('ip'), 'netns', 'exec', this.name]
  }

  /**
   * Packets from and to `others`, or from and to everywhere, are lost without a word: of open connections and of new ones.
   * Within the namespace all stays as it was. Replaces the fault before.
   */
  cutOff(...others: readonly NetworkNamespace[]): Promise<void> {
    const list = others.map((other) => other.address).join(', ')
    const [from, to] = list === '' ? ['', ''] : [`ip saddr { ${list} }`, `ip daddr { ${list} }`]
    return this.#rules(`iifname != "lo" ${from} drop`, `oifname != "lo" ${to} drop`)
  }

  /** Packets for servers are answered with a reset: open connections break, new ones are refused. */
  refuse(): Promise<void> {
    return this.#rules('iifname != "lo" meta l4proto tcp reject with tcp reset')
  }

  /** No fault any more. What a connection lost meanwhile is sent again within seconds. */
  heal(): Promise<void> {
    return this.#rules()
  }

  #rules(input = '', output = ''): Promise<void> {
    return this.#nft(`
table inet faults
delete table inet faults
table inet faults {
  chain input { type filter hook input priority 0; ${input}
  }
  chain output { type filter hook output priority 0; ${output}
  }
}`)
  }

  async #nft(rules: string): Promise<void> {
    const running = run(binary('ip'), [...this.command.slice(1), binary('nft'), '-f', '-'])
    running.child.stdin?.end(rules)
    await running
  }
}
