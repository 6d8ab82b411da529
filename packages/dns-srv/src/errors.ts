/**
 * What kept a question from being answered. Either a word of ours, or the name of the response code (`SERVFAIL`,
 * `REFUSED`, …).
 */
export type DnsFailureCode =
  | 'TIMEOUT'
  | 'NETWORK'
  | 'MALFORMED'
  | 'REFERRAL'
  | 'LIMIT'
  | 'NO_SERVER'
  | 'NAME'
  | 'CLOSED'
  | (string & {})

/** A question to which there is no answer. It says nothing about whether the name exists. */
export class DnsFailure extends Error {
  readonly code: DnsFailureCode

  constructor(code: DnsFailureCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DnsFailure'
    this.code = code
  }
}
