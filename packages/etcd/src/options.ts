import type { Clock, Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, rejectOption } from '@lb/core/authoring'
import { checkServerUrl, type TlsOptions } from '@lb/registry-http'
import type { Codec } from './codec.ts'
import { type CodecName, codecs } from './codec-by-name.ts'

/** How etcd is reached, and where instances are in it. */
export interface EtcdConnectionOptions {
  /** The members: `http://host:port` or `https://host:port`. When one fails, the next is queried. @default ['http://127.0.0.1:2379'] */
  readonly endpoints?: readonly string[] | undefined
  /** Needs `password`. */
  readonly username?: string | undefined
  /** Needs `username`. It appears in no message. */
  readonly password?: string | undefined
  /** For `https:` endpoints. */
  readonly tls?: TlsOptions | undefined
  /** An endpoint fails if it does not answer within this many milliseconds, ≥ 1. @default 5_000 */
  readonly timeoutMs?: number | undefined
  /** What comes before the name of a service. @default that of the codec; `/microservices/`, and nothing for go-zero */
  readonly prefix?: string | undefined
  /** How instances are written. @default 'kratos' */
  readonly codec?: CodecName | Codec | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

export const connectionKeys: readonly (keyof EtcdConnectionOptions)[] = [
  'endpoints',
  'username',
  'password',
  'tls',
  'timeoutMs',
  'prefix',
  'codec',
  'clock',
  'random',
]

/** `path` is the name of the class. What `tls` has in it is checked where it is used. @throws InvalidOptionError */
export function checkConnectionOptions(path: string, options: EtcdConnectionOptions): void {
  const { endpoints, prefix } = options
  if (endpoints !== undefined) {
    if (!Array.isArray(endpoints) || endpoints.length === 0) {
      rejectOption(`${path}.endpoints`, 'an array of one or more URLs such as "http://10.0.0.1:2379"', endpoints)
    }
    for (const [index, endpoint] of endpoints.entries()) checkServerUrl(`${path}.endpoints[${index}]`, endpoint)
  }
  checkCredentials(path, options)
  checkDurationMs(`${path}.timeoutMs`, options.timeoutMs, { min: 1 })
  if (prefix !== undefined && (typeof prefix !== 'string' || (prefix !== '' && !prefix.endsWith('/')))) {
    rejectOption(
      `${path}.prefix`,
      'a text that ends in a slash, or is empty',
      prefix,
      'Otherwise services would share a name',
    )
  }
  checkCodec(`${path}.codec`, options.codec)
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}

export function codecOf({ codec = 'kratos' }: EtcdConnectionOptions): Codec {
  return typeof codec === 'string' ? codecs[codec] : codec
}

function checkCredentials(path: string, { username, password }: EtcdConnectionOptions): void {
  if (username !== undefined && (typeof username !== 'string' || username === '')) {
    rejectOption(`${path}.username`, 'a text that is not empty', username)
  }
  // The value is not shown: it may be most of a password.
  if (password !== undefined && typeof password !== 'string') {
    rejectOption(`${path}.password`, 'a text', typeof password)
  }
  if ((username === undefined) !== (password === undefined)) {
    const missing = username === undefined ? 'username' : 'password'
    rejectOption(`${path}.${missing}`, 'given', undefined, 'username and password belong together')
  }
}

function checkCodec(path: string, codec: unknown): void {
  if (codec === undefined || (typeof codec === 'string' && Object.hasOwn(codecs, codec))) return
  const names = Object.keys(codecs).map((name) => JSON.stringify(name))
  if (typeof codec !== 'object' || codec === null) {
    rejectOption(path, `${names.join(', ')}, or an object with decode`, codec)
  }
  const { decode, encode, nameOf, prefix } = codec as Partial<Codec>
  checkFunction(`${path}.decode`, decode ?? null)
  checkFunction(`${path}.encode`, encode)
  checkFunction(`${path}.nameOf`, nameOf)
  if (prefix !== undefined && typeof prefix !== 'string') rejectOption(`${path}.prefix`, 'a text', prefix)
}
