import { fieldsOf, hasFields } from '../../base/fields.ts'
import { withDefaults } from '../../base/option-table.ts'
import { readText } from '../../base/read-text.ts'
import { originOf } from '../../instance/instance.ts'
import { httpsRequest, type ProbeResponse } from './https-request.ts'
import { type HealthProbe, type HealthProbeResult, type HttpProbeOptions, httpProbeTable } from './options.ts'

const maxBodyBytes = 65_536

/**
 * Sends one HTTP request to the instance by the global `fetch`, or as `tls` says, and judges the answer. The body is always read to its
 * end or cancelled, so that no connection stays behind. Reasons show neither headers nor the query of the path.
 */
export function httpProbe(options: HttpProbeOptions = {}): HealthProbe {
  const values = withDefaults(options, httpProbeTable)
  const { path, method, port, tls, expectedStatuses, expectedBody, immediateFailHeader } = values
  const headers = { ...values.headers }
  const expected = new Set(expectedStatuses)
  const request = `${method} ${path.split('?', 1)[0]}`
  const overTls = tls && httpsRequest(tls)

  async function judge(response: ProbeResponse): Promise<HealthProbeResult> {
    const answered = `${request} answered ${response.status}`
    if (response.headers.has(immediateFailHeader)) {
      return { healthy: false, immediate: true, reason: `${answered} with ${immediateFailHeader}` }
    }
    if (!expected.has(response.status)) return { healthy: false, reason: answered }
    if (expectedBody === undefined) return { healthy: true, reason: answered }
    const verdict: unknown = expectedBody(await readText(response.body, maxBodyBytes))
    // A promise would always be true.
    if (typeof verdict !== 'boolean') return { healthy: false, reason: 'expectedBody did not return a boolean' }
    return { healthy: verdict, reason: verdict ? answered : `${answered} with an unexpected body` }
  }

  return async (instance, { signal }) => {
    const url = `${originOf({ ...instance, port: port ?? instance.port })}${path}`
    let response: ProbeResponse | undefined
    try {
      response = await (overTls !== undefined && instance.secure
        ? overTls(url, { method, headers, signal })
        : fetch(url, { method, headers, redirect: 'manual', signal }))
      return await judge(response)
    } catch (error) {
      throw unwrapped(error)
    } finally {
      // Rejects when it was read to its limit, or broke off.
      response?.body?.cancel().catch(() => {})
    }
  }
}

/** What fetch hides as the `cause` of "fetch failed" and "terminated". */
function unwrapped(error: unknown): unknown {
  const { name, cause } = fieldsOf(error)
  if (name !== 'TypeError' || !hasFields(cause)) return error
  if (cause.message !== 'bad port') return cause
  return new Error('fetch does not connect to this port, as browsers do not: give a probe in place of the HTTP probe')
}
