import { createRequire } from 'node:module'
import { type Dispatcher, Request } from 'undici'

/** `undefined` when the request names none. */
type Reader = (request: Request) => Dispatcher | undefined

let reader: Reader | undefined

/**
 * The dispatcher that a `Request` of undici was made with. undici shows it to its own `fetch` only, by a function that no documented entry
 * exports. Without that function, or for the `Request` of another copy of undici, the answer is `undefined`.
 */
export function dispatcherOf(request: unknown): Dispatcher | undefined {
  if (!(request instanceof Request)) return undefined
  reader ??= readerOfUndici()
  try {
    return reader(request)
  } catch {
    return undefined
  }
}

function readerOfUndici(): Reader {
  const none: Reader = () => undefined
  try {
    const internals: { getRequestDispatcher?: Reader } = createRequire(import.meta.url)(
      'undici/lib/web/fetch/request.js',
    )
    return internals.getRequestDispatcher ?? none
  } catch {
    return none
  }
}
