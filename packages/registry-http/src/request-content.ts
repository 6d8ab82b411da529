import type { RegistryRequest } from './registry-request.ts'

interface RequestContent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** The body as text, and the headers with what the body and this client need. */
export function requestContent(request: RegistryRequest): RequestContent {
  // Answers are not inflated: a small one cannot become a huge one.
  const headers: Record<string, string> = { 'accept-encoding': 'identity' }
  const { type, text } = encoded(request.body)
  if (type !== undefined) headers['content-type'] = type
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = value
  }
  return { headers, body: text }
}

function encoded(body: RegistryRequest['body']): { type?: string; text: string | null } {
  if (body === undefined) return { text: null }
  if (typeof body === 'string') return { text: body }
  if (body instanceof URLSearchParams) return { type: 'application/x-www-form-urlencoded', text: body.toString() }
  return { type: 'application/json', text: JSON.stringify(body) }
}
