import { InvalidOptionError } from '../../base/errors.ts'
import { nodeHttps } from './node-https.ts'
import type { HealthCheckTls } from './tls.ts'

/** What a probe looks at of a response. `Response` has this form. */
export interface ProbeResponse {
  readonly status: number
  readonly headers: { has(name: string): boolean }
  readonly body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null
}

/** What a probe sends. */
export interface ProbeRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/**
 * A request over TLS as `tls` says, which the global `fetch` cannot send. No connection is kept, but sessions of TLS are resumed.
 */
export function httpsRequest(tls: HealthCheckTls): (url: string, request: ProbeRequest) => Promise<ProbeResponse> {
  const https = nodeHttps()
  if (https === undefined) throw new InvalidOptionError('tls', 'tls must be absent where there is no node:https')
  const { serverName, ...options } = tls
  const agent = new https.Agent({ ...options, ...(serverName !== undefined && { servername: serverName }) })
  return (url, request) =>
    new Promise((resolve, reject) => {
      const sent = https.request(url, { ...request, agent }, (message) => {
        const cancel = async (): Promise<void> => {
          sent.destroy()
        }
        resolve({
          status: message.statusCode,
          headers: { has: (name) => message.headers[name.toLowerCase()] !== undefined },
          body: { cancel, [Symbol.asyncIterator]: () => message[Symbol.asyncIterator]() },
        })
      })
      sent.on('error', reject).end()
    })
}
