import { InvalidOptionError } from '../../base/errors.ts'
import { checkBoolean, checkKeys, rejectOption } from '../../base/option-checks.ts'
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

/** @throws InvalidOptionError, also when the platform cannot do it */
export function checkHealthCheckTls(path: string, tls: HealthCheckTls | undefined): void {
  if (tls === undefined) return
  checkKeys(path, tls, ['ca', 'cert', 'key', 'serverName', 'rejectUnauthorized'])
  const { ca, cert, key, serverName } = tls
  for (const authority of Array.isArray(ca) ? ca : [ca]) checkPem(`${path}.ca`, authority)
  checkPem(`${path}.cert`, cert)
  checkPem(`${path}.key`, key)
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key'
    throw new InvalidOptionError(`${path}.${missing}`, `${path} must have cert and key, or neither. Add ${missing}`)
  }
  if (serverName !== undefined && (typeof serverName !== 'string' || serverName === '')) {
    rejectOption(`${path}.serverName`, 'a DNS name', serverName)
  }
  checkBoolean(`${path}.rejectUnauthorized`, tls.rejectUnauthorized)
  if (nodeHttps() === undefined) {
    throw new InvalidOptionError(path, `${path} must be absent where there is no node:https. Give a probe in its place`)
  }
}

/** The value is not shown: a key is a secret. */
function checkPem(path: string, value: unknown): void {
  if (value === undefined || (typeof value === 'string' && value.includes('-----BEGIN '))) return
  throw new InvalidOptionError(path, `${path} must be a PEM text with a BEGIN line. Read the file that has it`)
}
