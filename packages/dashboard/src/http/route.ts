import { apiVersion, type ControlVerb, controlVerbs } from '../api.ts'
import { ApiError } from './api-error.ts'
import type { Exchange } from './exchange.ts'

/** What a path asks for. */
export type Route =
  | { readonly kind: 'page' }
  /** The mount without its slash: addresses relative to it would miss it. */
  | { readonly kind: 'to-slash'; readonly location: string }
  | { readonly kind: 'asset'; readonly name: string }
  | { readonly kind: 'services' }
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'control'; readonly service: string; readonly verb: ControlVerb }
  | { readonly kind: 'calls' }
  | { readonly kind: 'call'; readonly call: string }
  | { readonly kind: 'events' }
  | { readonly kind: 'none' }

/**
 * Routes by the end of the path. What comes before it is the mount, which the dashboard does not know: a server, or a proxy before it,
 * may have taken it off or not. Segments are split before they are decoded, so that an encoded slash is never one of the path.
 *
 * @throws ApiError for a name that is not well encoded
 */
function routeOf(path: string): Route {
  const segments = path.split('/')
  const last = segments.at(-1) ?? ''
  const api = segments.findLastIndex((segment, index) => segment === 'api' && isVersion(segments[index + 1]))
  if (api !== -1) return apiRoute(segments.slice(api + 1))
  if (segments.at(-2) === 'assets') return { kind: 'asset', name: last }
  if (last === '') return { kind: 'page' }
  // With a dot before it: the last segment alone could be read as an absolute address.
  return last.includes('.') ? { kind: 'none' } : { kind: 'to-slash', location: `./${encoded(last)}/` }
}

/** A middleware may have decoded the path: only these characters stand in a header. */
function encoded(segment: string): string {
  return segment.replace(/\p{Cs}/gu, '\uFFFD').replace(/[^!-~]/gu, encodeURIComponent)
}

/**
 * Routes a request. A framework takes the mount off, with the slash after it: then the path that the client sent says whether that was
 * there. Some take the whole path off. As a middleware, the dashboard has its page at the mount alone.
 *
 * @throws ApiError
 */
export function requestedRoute({ target, originalTarget, hasNext }: Exchange): Route {
  const path = pathOf(target)
  const atMount = path === '' || path === '/'
  const route = routeOf(atMount ? pathOf(originalTarget) : path)
  const isPage = route.kind === 'page' || route.kind === 'to-slash'
  return hasNext && isPage && !atMount ? { kind: 'none' } : route
}

function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] ?? ''
}

function isVersion(segment: string | undefined): boolean {
  return segment !== undefined && /^v\d{1,3}$/.test(segment)
}

function apiRoute([version, list, name, verb, ...more]: readonly string[]): Route {
  if (version !== apiVersion) {
    throw new ApiError('NOT_FOUND', `This dashboard has version ${apiVersion} of the API, not ${version}`, {
      known: [apiVersion],
    })
  }
  if (more.length > 0 || list === undefined) return { kind: 'none' }
  if (list === 'services' && name === undefined) return { kind: 'services' }
  if (list === 'services' && name !== undefined) return serviceRoute(decoded(name), verb)
  if (verb !== undefined) return { kind: 'none' }
  if (list === 'calls') return name === undefined ? { kind: 'calls' } : { kind: 'call', call: decoded(name) }
  return list === 'events' && name === undefined ? { kind: 'events' } : { kind: 'none' }
}

function serviceRoute(service: string, verb: string | undefined): Route {
  if (verb === undefined) return { kind: 'service', service }
  const known = controlVerbs.find((each) => each === verb)
  return known === undefined ? { kind: 'none' } : { kind: 'control', service, verb: known }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiError('BAD_REQUEST', 'A name in the path is not well encoded: use encodeURIComponent', {
      field: 'path',
    })
  }
}
