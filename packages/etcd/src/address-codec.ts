import { InvalidInstanceError, type ServiceInstance } from '@lb/core'
import { authorityOf } from '@lb/core/authoring'
import type { Codec } from './codec.ts'

/** `host:port`, `[ipv6]:port` or `https://host:port`. */
export const addressCodec: Codec = Object.freeze({
  // A key further down belongs to a service whose name has a slash.
  decode: ({ name, value }) => (name.includes('/') ? undefined : value),
  encode: (instance) => (instance.secure ? `https://${addressOf(instance)}` : addressOf(instance)),
} satisfies Codec)

/** The same under the lease, with nothing above the name of the service, as go-zero's `discov` has it. */
export const goZeroCodec: Codec = Object.freeze({
  prefix: '',
  decode: (entry) => addressCodec.decode(entry),
  encode: (instance) => {
    if (instance.secure) reject('secure', 'false', 'go-zero')
    return addressOf(instance, 'go-zero')
  },
  nameOf: (_instance, leaseId) => leaseId,
} satisfies Codec)

/** What an address has no place for would be lost without a word. */
function addressOf({ host, port, weight, priority, zone, metadata }: ServiceInstance, codec = 'address'): string {
  if (weight !== 1) reject('weight', '1', codec)
  if (priority !== 0) reject('priority', '0', codec)
  if (zone !== undefined) reject('zone', 'absent', codec)
  if (Object.keys(metadata).length > 0) reject('metadata', 'empty', codec)
  return authorityOf(host, port)
}

function reject(field: string, legal: string, codec: string): never {
  throw new InvalidInstanceError(
    field,
    `${field} of an instance must be ${legal}: the codec ${codec} writes addresses only. Use the codec kratos`,
  )
}
