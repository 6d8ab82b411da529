import type { Dashboard, ErrorResponse } from '../src/index.ts'

/** What a browser, or a program, sends to make a change. */
export const changeHeaders = { 'content-type': 'application/json', 'x-lb-dashboard': '1' } as const

/** A response with its body read. */
export interface ReadResponse<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

export async function get<T = ErrorResponse>(
  shown: Dashboard,
  path: string,
  { origin = 'http://localhost', ...init }: RequestInit & { readonly origin?: string } = {},
): Promise<ReadResponse<T>> {
  const response = await shown.fetch(new Request(`${origin}/lb/${path}`, init))
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T }
}

export function post<T = ErrorResponse>(
  shown: Dashboard,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = changeHeaders,
): Promise<ReadResponse<T>> {
  return get<T>(shown, path, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}
