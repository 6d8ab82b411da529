import { rejectOption } from '@lb/core/authoring'
import type { RegistryRequest } from './registry-request.ts'

/** What of a URL is sent: path and query. @throws InvalidOptionError */
export function requestTarget(owner: string, basePath: string, { path, query }: RegistryRequest): string {
  if (typeof path !== 'string' || !/^\/[^?#\s]*$/.test(path) || /\/\.{1,2}(?:\/|$)/.test(path)) {
    rejectOption(`${owner}: path`, 'a path that begins with a slash, encoded, without "." and ".." as parts', path)
  }
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) => {
    if (value === undefined) return []
    const key = encodeURIComponent(name)
    return value === true ? [key] : [`${key}=${encodeURIComponent(value)}`]
  })
  return `${basePath}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
}
