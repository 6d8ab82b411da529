import { type Answer, encode, RECURSION_DESIRED } from 'dns-packet'
import { labelsOf } from './domain-name.ts'
import type { Question } from './message.ts'

/** Fits into one datagram on practically every path (DNS flag day 2020). */
const maxDatagramBytes = 1_232
const headerBytes = 12

/** A query for `question`; with EDNS0 it allows answers of `maxDatagramBytes`. */
export function encodeQuery(id: number, { name, type }: Question, edns: boolean): Buffer {
  const message = encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED,
    // Of the same length: dns-packet knows no bytes other than those of text, and takes each dot for one between labels.
    questions: [{ type, name: name.replace(/\\\d{3}/g, '-') }],
    additionals: edns ? [ednsRecord] : [],
  })
  let at = headerBytes
  for (const label of labelsOf(name)) at += 1 + label.copy(message, at + 1)
  return message
}

const ednsRecord: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: maxDatagramBytes,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
}
