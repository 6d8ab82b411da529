import { execFileSync } from 'node:child_process'
import { NetworkNamespace } from './network-namespace.ts'
import { binary, findBinary } from './server-binaries.ts'

const maxNetworks = 250

/**
 * Network namespaces that reach each other and the tests, over a bridge that is in a namespace too, so that the firewall of
 * the machine has no say in it. Needs root; `unavailable` says what is missing. Stop the servers before you close it.
 */
export class TestNetwork {
  static readonly programs: readonly string[] = ['ip', 'nft']
  readonly namespaces: readonly NetworkNamespace[]
  readonly #hub: string

  /** With `size` namespaces. */
  static create(size = 1): TestNetwork {
    const id = addHub()
    const hub = hubName(id)
    networks.add(hub)
    const prefix = `10.213.${id}`
    try {
      ip(`-n ${hub} link add bridge type bridge`)
      ip(`-n ${hub} link set bridge up`)
      // The end for the tests.
      ip(`link add lb-net-${id} type veth peer name tests netns ${hub}`)
      ip(`address add ${prefix}.1/24 dev lb-net-${id}`)
      ip(`link set lb-net-${id} up`)
      ip(`-n ${hub} link set tests master bridge up`)
      const namespaces = Array.from({ length: size }, (_, index) =>
        addNamespace(hub, `lb-net-${id}-${index + 1}`, `${prefix}.${index + 2}`),
      )
      return new TestNetwork(hub, namespaces)
    } catch (cause) {
      remove(hub)
      throw cause
    }
  }

  /** Why there can be none on this machine; `undefined` where there can. */
  static unavailable(): string | undefined {
    const missing = TestNetwork.programs.filter((program) => findBinary(program) === undefined)
    if (missing.length > 0) return `${missing.join(', ')} not installed; run scripts/install-test-servers.sh`
    if (process.getuid?.() !== 0) return 'network namespaces need root'
    try {
      TestNetwork.create().close()
      return undefined
    } catch (cause) {
      return `network namespaces do not work here: ${(cause as Error).message.trim()}`
    }
  }

  private constructor(hub: string, namespaces: readonly NetworkNamespace[]) {
    this.#hub = hub
    this.namespaces = namespaces
  }

  close(): void {
    remove(this.#hub)
  }
}

const networks = new Set<string>()
process.once('exit', () => {
  for (const hub of networks) remove(hub)
})

function hubName(id: number): string {
  return `lb-net-${id}-hub`
}

/** The first number that is free, also when other processes look for one at the same time: that of the name decides. */
function addHub(): number {
  for (let id = 1; id <= maxNetworks; id++) {
    try {
      ip(`netns add ${hubName(id)}`)
      return id
    } catch (cause) {
      if (!(cause as Error).message.includes('File exists')) throw cause
    }
  }
  throw new Error(`${maxNetworks} networks are there already: ip netns list`)
}

function addNamespace(hub: string, name: string, address: string): NetworkNamespace {
  const port = name.slice('lb-net-'.length)
  ip(`netns add ${name}`)
  ip(`-n ${hub} link add port-${port} type veth peer name server netns ${name}`)
  ip(`-n ${hub} link set port-${port} master bridge up`)
  ip(`-n ${name} link set lo up`)
  ip(`-n ${name} address add ${address}/24 dev server`)
  ip(`-n ${name} link set server up`)
  return new NetworkNamespace(name, address)
}

/** With a namespace, what is in it goes, and so does the other end of each pair. */
function remove(hub: string): void {
  if (!networks.delete(hub)) return
  const link = hub.replace(/-hub$/, '')
  // By itself it goes a while after the namespace, and whoever takes the number next would find it there.
  if (ip('link show').includes(` ${link}@`)) ip(`link delete ${link}`)
  const names = ip('netns list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
  const own = names.filter((name) => name.startsWith(`${link}-`) && name !== hub)
  // The hub last: its name reserves the number.
  for (const name of [...own, ...names.filter((other) => other === hub)]) ip(`netns delete ${name}`)
}

function ip(command: string): string {
  return execFileSync(binary('ip'), command.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
