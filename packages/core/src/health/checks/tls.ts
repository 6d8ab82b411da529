import { InvalidOptionError } from '../../base/errors.ts'
import { rejectOption } from '../../base/option-checks.ts'
import { booleanOption, checkOptions, type Option, type OptionTable } from '../../base/option-table.ts'
import { nodeHttps } from './node-https.ts'

/** How the HTTP probe verifies `secure` instances, and proves its own identity. Certificates and keys are PEM texts. */
export interface HealthCheckTls {
  /** The authorities to trust, instead of those of the platform. @default those of the platform */
  readonly ca?: string | readonly string[] | undefined
  /** The certificate of the client; needs `key`. @default undefined: none */
  readonly cert?: string | undefined
  /** The key of `cert`. No message shows it. @default undefined: none */
  readonly key?: string | undefined
  /** The name that the certificate of the instance must have. @default the host of the instance */
  readonly serverName?: string | undefined
  /** `false` accepts every certificate, for tests. @default true */
  readonly rejectUnauthorized?: boolean | undefined
}

const pemOption: Option<string> = {
  legal: 'PEM text',
  check: (path, given) => {
    // The value is not shown: a key is a secret.
    if (given === undefined || (typeof given === 'string' && given.includes('-----BEGIN '))) return
    throw new InvalidOptionError(path, `${path} must be a PEM text with a BEGIN line. Read the file that has it`)
  },
}

const authoritiesOption: Option<string | readonly string[]> = {
  legal: 'PEM text, or array of such',
  check: (path, given) => {
    for (const authority of Array.isArray(given) ? given : [given]) pemOption.check(path, authority)
  },
}

const serverNameOption: Option<string> = {
  legal: 'DNS name',
  check: (path, given) => {
    if (given !== undefined && (typeof given !== 'string' || given === '')) rejectOption(path, 'a DNS name', given)
  },
}

/** The options of TLS. */
export const healthCheckTlsTable: OptionTable<HealthCheckTls, 'ca' | 'cert' | 'key' | 'serverName'> = {
  ca: authoritiesOption,
  cert: pemOption,
  key: pemOption,
  serverName: serverNameOption,
  rejectUnauthorized: booleanOption(true),
}

/** Rejects it also where the platform has no `node:https`. */
export const healthCheckTlsOption: Option<HealthCheckTls> = {
  legal: 'object',
  fields: healthCheckTlsTable,
  copied: true,
  check: (path, given) => {
    if (given === undefined) return
    checkOptions(path, given, healthCheckTlsTable)
    const { cert, key }: HealthCheckTls = Object(given)
    if ((cert === undefined) !== (key === undefined)) {
      const missing = cert === undefined ? 'cert' : 'key'
      throw new InvalidOptionError(`${path}.${missing}`, `${path} must have cert and key, or neither. Add ${missing}`)
    }
    if (nodeHttps() === undefined) {
      throw new InvalidOptionError(
        path,
        `${path} must be absent where there is no node:https. Give a probe in its place`,
      )
    }
  },
}
