import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { InvalidOptionError } from '@lb/core'
import { checkBoolean, checkKeys, rejectOption } from '@lb/core/authoring'

/** How `https:` servers are verified, and how the client proves its identity. Texts are PEM. */
export interface TlsOptions {
  /** Authorities to trust instead of those that Node knows. */
  readonly ca?: string | undefined
  /** A file with `ca`; read again for new connections after it changed. */
  readonly caFile?: string | undefined
  /** The certificate of the client; needs `key` or `keyFile`. */
  readonly cert?: string | undefined
  /** A file with `cert`, read for each new connection. */
  readonly certFile?: string | undefined
  /** The key of `cert`. It appears in no message. */
  readonly key?: string | undefined
  /** A file with `key`, read for each new connection. */
  readonly keyFile?: string | undefined
  /** The name in the server's certificate, when it is not the host of the URL. */
  readonly serverName?: string | undefined
  /** `false` accepts any certificate: for tests only. @default true */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Gives what the next connection needs. */
export type TlsSource = () => Promise<TlsOptions>

const parts = ['ca', 'cert', 'key'] as const
const files = { ca: 'caFile', cert: 'certFile', key: 'keyFile' } as const
const optionKeys: readonly (keyof TlsOptions)[] = [
  ...parts,
  ...Object.values(files),
  'serverName',
  'rejectUnauthorized',
]

/** Throws unless `tls` is absent or can be used. No value is shown: keys are secrets. @throws InvalidOptionError */
export function checkTls(path: string, tls: TlsOptions | undefined): void {
  if (tls === undefined) return
  checkKeys(path, tls, optionKeys)
  for (const part of parts) {
    const file = files[part]
    if (tls[part] !== undefined && !(typeof tls[part] === 'string' && tls[part].includes('-----BEGIN '))) {
      const remedy = `The path of a file goes into ${file}`
      throw new InvalidOptionError(`${path}.${part}`, `${path}.${part} must be a PEM text with a BEGIN line. ${remedy}`)
    }
    if (tls[file] !== undefined && (typeof tls[file] !== 'string' || tls[file] === '')) {
      rejectOption(`${path}.${file}`, 'the path of a PEM file', tls[file])
    }
    if (tls[part] !== undefined && tls[file] !== undefined) {
      throw new InvalidOptionError(
        `${path}.${file}`,
        `${path} must have ${part} or ${file}, not both. Leave one of them out`,
      )
    }
  }
  if (has(tls, 'cert') !== has(tls, 'key')) {
    const missing = has(tls, 'cert') ? 'key' : 'cert'
    const remedy = `Add ${missing} or ${files[missing]}`
    throw new InvalidOptionError(
      `${path}.${missing}`,
      `${path} must have a certificate and its key, or neither. ${remedy}`,
    )
  }
  const { serverName } = tls
  if (serverName !== undefined && (typeof serverName !== 'string' || serverName === '' || isIP(serverName) !== 0)) {
    rejectOption(`${path}.serverName`, 'a DNS name', serverName)
  }
  checkBoolean(`${path}.rejectUnauthorized`, tls.rejectUnauthorized)
}

function has(tls: TlsOptions, part: 'cert' | 'key'): boolean {
  return tls[part] !== undefined || tls[files[part]] !== undefined
}

/**
 * What Node's `tls.connect` needs now. Files are read each time, which is once for a connection: certificates that live for hours
 * are replaced while the process runs.
 */
export async function tlsConnectionOptions(source: TlsOptions | TlsSource): Promise<ConnectionOptions> {
  const tls = typeof source === 'function' ? await source() : source
  const [ca, cert, key] = await Promise.all(parts.map((part) => textOf(tls, part)))
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  }
}

async function textOf(tls: TlsOptions, part: (typeof parts)[number]): Promise<string | undefined> {
  const file = tls[files[part]]
  return file === undefined ? tls[part] : readFile(file, 'utf8')
}
