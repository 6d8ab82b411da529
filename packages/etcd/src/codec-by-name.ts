import { addressCodec, goZeroCodec } from './address-codec.ts'
import type { Codec } from './codec.ts'
import { kratosCodec } from './kratos-codec.ts'

/**
 * - `kratos`: JSON as go-kratos writes it, under `/microservices/<service>/<id>`
 * - `go-zero`: `host:port` as go-zero writes it, under `<service>/<lease>`
 * - `address`: `host:port` or `https://host:port`, under `/microservices/<service>/<id>`
 */
export type CodecName = 'kratos' | 'go-zero' | 'address'

export const codecs: Readonly<Record<CodecName, Codec>> = Object.freeze({
  kratos: kratosCodec,
  'go-zero': goZeroCodec,
  address: addressCodec,
})
