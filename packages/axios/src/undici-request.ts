import type { ServiceInstance } from '@lb/core'
import { authorityOf, type ServiceUrl } from '@lb/core/authoring'
import axios, { type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import { timeoutMs } from './request.ts'

/** What undici is asked to send. */
export interface PlainRequest {
  readonly method: string
  readonly path: string
  /** Names and values by turns. */
  readonly headers: (string | string[])[]
  readonly body: Buffer | null
  /** The host as it is written in `Host` and URLs. */
  readonly host: string
}

/** Settings that only axios's own adapter knows how to follow. */
const otherWays = [
  'httpAgent',
  'httpsAgent',
  'transport',
  'lookup',
  'family',
  'insecureHTTPParser',
  'http2Options',
  'maxRate',
  'onUploadProgress',
  'onDownloadProgress',
  'sensitiveHeaders',
  'paramsSerializer',
  'proxy',
] as const

const acceptEncoding = 'gzip, compress, deflate, br'
/** Paths and queries that a URL parser leaves as they are. */
const plainPath = /^\/(?:[\w~-][\w~.-]*\/)*(?:[\w~-][\w~.-]*)?(?:\?[\w~.\-=&+%,:;/]*)?$/
const plainName = /^[\w!#$%&'*+.^`|~-]+$/
const plainValue = /^[\t\x20-\x7e\x80-\xff]*$/
const aroundBlank = /^[\t ]|[\t ]$/
/** Fields that say how the connection is used. */
const ofTheConnection = /^(?:connection|expect|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/
const urls = new axios.Axios({})

/** The request as undici is asked to send it; `undefined` when it is one for axios's own adapter. */
export function plainRequest(
  config: InternalAxiosRequestConfig,
  url: ServiceUrl,
  instance: ServiceInstance,
  hostHeader: string | undefined,
): PlainRequest | undefined {
  if (instance.secure || url.scheme === 'https' || url.userInfo !== '' || !isPlain(config)) return undefined
  const body = bodyOf(config)
  if (body === undefined) return undefined
  const path = pathOf(url, config)
  const headers = headersOf(config, body)
  if (headers === undefined || path === undefined) return undefined
  if (hostHeader !== undefined && !config.headers.has('host')) headers.push('Host', hostHeader)
  const { maxBodyLength = -1 } = config
  if (body !== null && maxBodyLength > -1 && body.length > maxBodyLength) return undefined
  const { host, port } = instance
  return {
    method: (config.method ?? 'get').toUpperCase(),
    path,
    headers,
    body,
    host: authorityOf(host, port === 80 ? undefined : port),
  }
}

function isPlain(config: InternalAxiosRequestConfig): boolean {
  const settings: Readonly<Record<string, unknown>> = Object(config)
  // undici closes the connection after a HEAD.
  if (config.responseType === 'stream' || config.method?.toUpperCase() === 'HEAD') return false
  for (const name of otherWays) {
    const value = settings[name]
    if (value !== undefined && value !== null && !(name === 'proxy' && value === false)) return false
  }
  const { timeout, transitional } = config
  const { httpVersion } = settings
  if (httpVersion !== undefined && Number(httpVersion) !== 1) return false
  if (timeout !== undefined && Number(timeout) !== 0 && timeoutMs(config) === undefined) return false
  const { advertiseZstdAcceptEncoding }: { advertiseZstdAcceptEncoding?: unknown } = Object(transitional)
  return advertiseZstdAcceptEncoding !== true
}

/** `undefined`: a body of another kind. */
function bodyOf({ data }: InternalAxiosRequestConfig): Buffer | null | undefined {
  if (data === undefined || data === null || data === '') return null
  if (typeof data === 'string') return Buffer.from(data)
  if (Buffer.isBuffer(data)) return data
  return data instanceof ArrayBuffer ? Buffer.from(data) : undefined
}

function headersOf(config: InternalAxiosRequestConfig, body: Buffer | null): (string | string[])[] | undefined {
  const { headers, auth } = config
  const list: (string | string[])[] = []
  let names = ' '
  for (const name of Object.keys(headers)) {
    const value: unknown = headers[name]
    if (value === undefined) continue
    const lowerCase = name.toLowerCase()
    if (!plainName.test(name) || names.includes(` ${lowerCase} `) || ofTheConnection.test(lowerCase)) return undefined
    names += `${lowerCase} `
    // Disclaimed: not even a default is sent.
    if (value === false || value === null || (auth && lowerCase === 'authorization')) continue
    if (lowerCase === 'content-length' && Number(value) !== (body?.length ?? 0)) return undefined
    const text = textOf(value)
    if (text === undefined) return undefined
    list.push(name, text)
  }
  if (!names.includes(' user-agent ')) list.push('User-Agent', `axios/${axios.VERSION}`)
  if (!names.includes(' accept-encoding ')) list.push('Accept-Encoding', acceptEncoding)
  if (auth) {
    const credentials = `${auth.username || ''}:${auth.password || ''}`
    list.push('Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
  return list
}

/** `undefined`: a value that axios rewrites before it is sent. */
function textOf(value: unknown): string | string[] | undefined {
  if (typeof value !== 'string' && Array.isArray(value)) {
    const texts = value.map(textOf)
    return texts.every((text) => typeof text === 'string') ? texts : undefined
  }
  const text = String(value)
  return plainValue.test(text) && !aroundBlank.test(text) ? text : undefined
}

function pathOf({ rest }: ServiceUrl, { params }: InternalAxiosRequestConfig): string | undefined {
  let path = rest
  if (!plainPath.test(rest)) {
    const { pathname, search } = new URL(`http://service${rest}`)
    path = pathname + search
  }
  if (params === undefined || params === null) return path
  try {
    return urls.getUri({ url: path, params })
  } catch {
    // Axios says it better.
    return undefined
  }
}

/** `response.request` of a request that undici sent: what callers read of a `ClientRequest`, and nothing to send with. */
export class SentRequest {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly protocol = 'http:'
  /** The response, once its head is there. */
  res: { readonly statusCode: number; readonly statusMessage: string; readonly responseUrl: string } | undefined
  destroyed = false
  readonly #headers: PlainRequest['headers']
  readonly #authority: string

  constructor({ method, path, host, headers }: PlainRequest) {
    this.method = method
    this.path = path
    this.host = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
    this.#authority = host
    this.#headers = headers
  }

  getHeader(name: string): string | string[] | undefined {
    const wanted = name.toLowerCase()
    for (let i = 0; i < this.#headers.length; i += 2) {
      if (String(this.#headers[i]).toLowerCase() === wanted) return this.#headers[i + 1]
    }
    return wanted === 'host' ? this.#authority : undefined
  }

  /** The head has arrived. */
  responded({ status, statusText }: AxiosResponse): void {
    const responseUrl = `http://${this.#authority}${this.path}`
    this.res = { statusCode: status, statusMessage: statusText, responseUrl }
  }
}
