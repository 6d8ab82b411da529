import { pageFiles } from '../page-files.ts'
import { ApiError } from './api-error.ts'
import type { Exchange, Reply } from './exchange.ts'
import { pagePolicy, reply } from './reply.ts'

/** The page: the same for everyone, and never taken from a cache without a question. */
export function pageReply(): Reply {
  return reply(200, pageFiles.html, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': pagePolicy,
    'cache-control': 'no-cache',
  })
}

/**
 * A script, a style or the icon. Its name changes with its content, so that caches may keep it for ever.
 *
 * @throws ApiError
 */
export function assetReply(name: string, { header }: Exchange): Reply {
  const asset = Object.hasOwn(pageFiles.assets, name) ? pageFiles.assets[name] : undefined
  if (asset === undefined) {
    throw new ApiError(
      'NOT_FOUND',
      'No such file. Another version of the dashboard may be running: load the page again',
    )
  }
  const etag = `"${name}"`
  const headers = { etag, 'cache-control': 'public, max-age=31536000, immutable' }
  const known = header('if-none-match')?.split(',') ?? []
  if (known.some((each) => each.trim().replace(/^W\//, '') === etag)) return reply(304, '', headers)
  return reply(200, asset.text, { ...headers, 'content-type': asset.type })
}
