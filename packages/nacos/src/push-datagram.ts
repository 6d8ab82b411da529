import { gunzipSync } from 'node:zlib'

/** What a server pushed, as far as it is read: that a service may have changed. */
export interface PushDatagram {
  /** Group and service in one name, as the server writes it. */
  readonly name: string
  /** What the server wants to hear so that it does not send again. */
  readonly acknowledgement: string
}

/** More than any datagram can hold of JSON that compresses as lists of instances do. */
const maxTextBytes = 4 * 1_024 * 1_024

/** In the datagram's own object: inside `data`, which is a text, the quotes are escaped. */
const lastRefTimePattern = /"lastRefTime"\s*:\s*("\d{1,20}"|\d{1,20}(?!\d))/

/** Reads a datagram, or gives `undefined` when it is not a push of a list. */
export function readPushDatagram(datagram: Uint8Array): PushDatagram | undefined {
  try {
    const text = textOf(datagram)
    const { type, data }: { type?: unknown; data?: unknown } = JSON.parse(text)
    if (type !== 'dom' || typeof data !== 'string') return undefined
    // Nanoseconds, which may be more than 2^53: copied as text, since a number would lose digits.
    const lastRefTime = lastRefTimePattern.exec(text)?.[1]
    const { name }: { name?: unknown } = JSON.parse(data)
    if (lastRefTime === undefined || typeof name !== 'string') return undefined
    return { name, acknowledgement: `{"type":"push-ack","lastRefTime":${lastRefTime},"data":""}` }
  } catch {
    // It may come from any host on the network.
    return undefined
  }
}

function textOf(datagram: Uint8Array): string {
  const isCompressed = datagram[0] === 0x1f && datagram[1] === 0x8b
  const bytes = isCompressed ? gunzipSync(datagram, { maxOutputLength: maxTextBytes }) : datagram
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
}
