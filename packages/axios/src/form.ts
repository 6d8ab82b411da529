import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'

/** What is used of a form of the package `form-data`, into which axios turns objects that are sent as multipart. */
interface NodeForm {
  readonly pipe: unknown
  getBuffer(): Buffer
  getHeaders(): Record<string, string>
}

/**
 * The request with its form as one piece, which can be sent again: a form is a stream, even when all of its parts lie in memory. The request
 * as it is when it has no such form, or a part that is a stream.
 */
export function withWholeForm(config: InternalAxiosRequestConfig): InternalAxiosRequestConfig {
  const { data } = config
  if (!isNodeForm(data)) return config
  let whole: Buffer
  try {
    whole = data.getBuffer()
  } catch {
    // A part is a stream.
    return config
  }
  const headers = new AxiosHeaders(config.headers)
  const { formDataHeaderPolicy }: { readonly formDataHeaderPolicy?: unknown } = Object(config)
  for (const [name, value] of Object.entries(data.getHeaders())) {
    if (formDataHeaderPolicy !== 'content-only' || /^content-/i.test(name)) headers.set(name, value)
  }
  return { ...config, headers, data: whole }
}

function isNodeForm(data: unknown): data is NodeForm {
  if (typeof data !== 'object' || data === null || Buffer.isBuffer(data)) return false
  const { pipe, getBuffer, getHeaders }: Partial<Record<keyof NodeForm, unknown>> = Object(data)
  return typeof pipe === 'function' && typeof getBuffer === 'function' && typeof getHeaders === 'function'
}
