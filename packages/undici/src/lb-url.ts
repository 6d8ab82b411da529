import { withLbAuthority } from '@lb/core/authoring'
import type { Dispatcher } from 'undici'

/** A URL under `lb:`, as `fetch` can take it: it knows no such scheme. */
export interface LbUrl {
  /** The same URL under `http:`. */
  readonly url: string
  /** The origin as it was written: `lb://Orders.v2`. */
  readonly origin: string
}

const scheme = /^lb:/i
const pattern = /^(lb:\/\/[^/?#]*)(.*)$/is

/** `undefined`: `url` has another scheme. */
export function parseLbUrl(url: string): LbUrl | undefined {
  // Most have another, and the pattern costs more.
  if (!scheme.test(url)) return undefined
  const [, origin, rest] = pattern.exec(withLbAuthority(url)) ?? []
  return origin === undefined ? undefined : { url: `http${origin.slice(2)}${rest}`, origin }
}

/** `dispatcher`, for which requests to the origin of `url` are those that were written, also after a redirect within it. */
export function withLbOrigin(dispatcher: Dispatcher, { url, origin }: LbUrl): Dispatcher {
  const replaced = URL.canParse(url) ? new URL(url).origin : undefined
  return Object.create(dispatcher, {
    dispatch: {
      value: (request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) =>
        dispatcher.dispatch(String(request.origin) === replaced ? { ...request, origin } : request, handler),
    },
  })
}
