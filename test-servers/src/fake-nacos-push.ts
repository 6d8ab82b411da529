import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'

export interface FakeNacosSubscriber {
  readonly host: string
  readonly port: number
}

interface Subscription extends FakeNacosSubscriber {
  readonly data: () => string
  readonly untilMs: number
}

/** A subscription lapses unless the list is asked for again. */
const lapsesAfterMs = 180_000
/** From this size on, pushes are compressed. */
const compressedFromBytes = 1_024

/** Pushes changes over UDP to those who asked for a list with their port, as 1.x and 2.x do. */
export class FakeNacosPush {
  readonly #timeoutMs: number
  readonly #socket: Socket = createSocket('udp4')
  readonly #subscriptions = new Map<string, Map<string, Subscription>>()
  readonly #awaited = new Map<string, () => void>()
  /** Texts of the acknowledgements that came, for tests. */
  readonly acknowledgements: string[] = []
  #sequence = 0n

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#socket.on('message', (datagram) => this.#acknowledged(datagram.toString()))
  }

  async open(): Promise<void> {
    this.#socket.bind(0, '127.0.0.1')
    await once(this.#socket, 'listening')
  }

  close(): void {
    for (const end of this.#awaited.values()) end()
    this.#socket.close()
  }

  /** `key` names service and clusters, `data` gives what is to be pushed when they change. */
  subscribe(key: string, { host, port }: FakeNacosSubscriber, data: () => string): void {
    const subscriptions = this.#subscriptions.get(key) ?? new Map()
    this.#subscriptions.set(key, subscriptions)
    subscriptions.set(`${host}:${port}`, { host, port, data, untilMs: performance.now() + lapsesAfterMs })
  }

  changed(key: string): void {
    for (const [who, subscription] of this.#subscriptions.get(key) ?? []) {
      if (performance.now() > subscription.untilMs) this.#subscriptions.get(key)?.delete(who)
      else this.#send(subscription)
    }
  }

  #send({ host, port, data }: Subscription): void {
    // Nanoseconds of the machine, which may be more than 2^53, as a text.
    const lastRefTime = String(1_760_000_000_000_000_001n + this.#sequence++ * 2n)
    const text = `{"type":"dom","data":${JSON.stringify(data())},"lastRefTime":"${lastRefTime}"}`
    const bytes = Buffer.from(text)
    const packet = bytes.length >= compressedFromBytes ? gzipSync(bytes) : bytes
    const send = (): void => this.#socket.send(packet, port, host, () => {})
    const again = setTimeout(send, this.#timeoutMs)
    again.unref()
    this.#awaited.set(lastRefTime, () => clearTimeout(again))
    send()
  }

  #acknowledged(text: string): void {
    this.acknowledgements.push(text)
    const lastRefTime = /"lastRefTime":"?(\d+)"?/.exec(text)?.[1] ?? ''
    this.#awaited.get(lastRefTime)?.()
    this.#awaited.delete(lastRefTime)
  }
}
