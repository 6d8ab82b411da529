import { useEffect, useState } from 'preact/hooks'
import { type ControlRequest, type ControlVerb, controlHeader, type ErrorResponse } from '../src/api.ts'

/** Relative to the page, wherever that is mounted. */
const base = 'api/v1/'

/** What the API refused, or why it could not be reached. */
export class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function request(path: string, init: RequestInit): Promise<unknown> {
  const url = new URL(base + path, document.baseURI)
  let response: Response
  try {
    response = await fetch(url, { ...init, cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new RequestError(0, `${url.href} cannot be reached. Is the process up?`)
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok && body !== undefined) return body
  const { error } = (body ?? {}) as Partial<ErrorResponse>
  if (error === undefined) {
    throw new RequestError(
      response.status,
      `${url.href} responded with ${response.status} and no JSON: a proxy in front does not pass on what is under the address of this page.`,
    )
  }
  throw new RequestError(response.status, `${error.message}${error.known ? `. Known: ${error.known.join(', ')}` : ''}`)
}

/** Asks for a change. `token` is sent as `Authorization: Bearer`, if there is one. */
export async function change(service: string, verb: ControlVerb, body: ControlRequest, token: string): Promise<void> {
  await request(`services/${encodeURIComponent(service)}/${verb}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      [controlHeader]: '1',
      ...(token === '' ? undefined : { authorization: `Bearer ${token}` }),
    },
  })
}

/** What is known of a resource. */
export interface Polled<T> {
  readonly data: T | undefined
  readonly error: RequestError | undefined
  /** Asks now. */
  readonly refresh: () => void
}

/** Asks for `path` again and again, one request at a time, and not while the page is hidden. */
export function usePolled<T>(path: string, intervalMs = 2_000): Polled<T> {
  const [state, setState] = useState<{ path: string; data?: T; error?: RequestError }>({ path })
  const [round, setRound] = useState(0)
  useEffect(() => {
    const ended = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async (): Promise<void> => {
      clearTimeout(timer)
      if (document.hidden) return
      try {
        const data = (await request(path, { signal: ended.signal })) as T
        if (!ended.signal.aborted) setState({ path, data })
      } catch (error) {
        if (ended.signal.aborted) return
        // What was known stays, with the message above it.
        const known = error instanceof RequestError ? error : new RequestError(0, String(error))
        setState((before) => ({ ...before, path, error: known }))
      }
      if (!ended.signal.aborted) timer = setTimeout(() => void ask(), intervalMs)
    }
    const wake = (): void => void ask()
    document.addEventListener('visibilitychange', wake)
    void ask()
    return () => {
      ended.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', wake)
    }
  }, [path, intervalMs, round])
  return { data: state.data, error: state.error, refresh: () => setRound((before) => before + 1) }
}
