type ResponseCode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED' | 'BADVERS'

/** Response codes (RFC 6895) with a meaning here. */
export const responseCodes: Readonly<Record<ResponseCode, number>> = Object.freeze({
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
})

/** As it is written in errors: `SERVFAIL`, or `response code 9` when it has no name here. */
export function responseCodeName(code: number): string {
  const entry = Object.entries(responseCodes).find(([, number]) => number === code)
  return entry?.[0] ?? `response code ${code}`
}
