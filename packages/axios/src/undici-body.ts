import { promisify } from 'node:util'
import zlib, { brotliDecompress, constants, unzip, type ZlibOptions } from 'node:zlib'
import type { ResponseSink } from '@lb/undici/authoring'
import { AxiosError, AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'

type Decoder = (body: Buffer, options: object) => Promise<Buffer>

// An end that is missing is forgiven, as axios does.
const zlibEnd: ZlibOptions = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const brotliEnd = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH }
const unzipped: Decoder = (body, options) => promisify<Buffer, object, Buffer>(unzip)(body, { ...zlibEnd, ...options })
const deflateHeader = Buffer.from([0x78, 0x9c])

const decoders = new Map<string, Decoder>([
  ['gzip', unzipped],
  ['x-gzip', unzipped],
  ['compress', unzipped],
  ['x-compress', unzipped],
  // Some servers leave the header out.
  ['deflate', (body, options) => unzipped(body[0] === 0x78 ? body : Buffer.concat([deflateHeader, body]), options)],
  ['br', (body, options) => promisify<Buffer, object, Buffer>(brotliDecompress)(body, { ...brotliEnd, ...options })],
])
// Node 22.15 and later.
if ('zstdDecompress' in zlib) {
  const zstd = promisify<Buffer, object, Buffer>(zlib.zstdDecompress as never)
  const zstdEnd = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush }
  decoders.set('zstd', (body, options) => zstd(body, { ...zstdEnd, ...options }))
}

/** Headers of which `node:http` keeps the first. */
const single = new Set(
  `age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since
   last-modified location max-forwards proxy-authorization referer retry-after server user-agent`.split(/\s+/),
)

/** The headers as `node:http` puts them together, without a second look at what the parser has checked. */
export function axiosHeaders(raw: readonly string[]): AxiosHeaders {
  const headers = new AxiosHeaders()
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? ''
    const value = raw[i + 1] ?? ''
    const known = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (known === undefined) set(headers, name, name === 'set-cookie' ? [value] : value)
    else if (Array.isArray(known)) known.push(value)
    else if (!single.has(name)) set(headers, name, `${known}${name === 'cookie' ? '; ' : ', '}${value}`)
  }
  return headers
}

function set(headers: AxiosHeaders, name: string, value: string | string[]): void {
  if (name !== '__proto__') headers[name] = value
}

/** Whether the body has to be decompressed. Takes the header away from a response that has none. */
function isCompressed({ status, headers }: AxiosResponse, { decompress }: InternalAxiosRequestConfig): boolean {
  const coding: unknown = headers['content-encoding']
  if (typeof coding !== 'string' || decompress === false) return false
  if (status === 204) {
    delete headers['content-encoding']
    return false
  }
  return decoders.has(coding.toLowerCase())
}

/** The body decompressed, at most `maxBytes` long; the header that named the compression is taken away. */
async function uncompressed({ headers }: AxiosResponse, body: Buffer, maxBytes: number): Promise<Buffer> {
  const decode = decoders.get(String(headers['content-encoding']).toLowerCase())
  delete headers['content-encoding']
  if (decode === undefined || body.length === 0) return body
  return decode(body, Number.isFinite(maxBytes) ? { maxOutputLength: Math.max(1, maxBytes) } : {})
}

function decodedText(body: Buffer, encoding: string | undefined): string {
  const text = body.toString(encoding as BufferEncoding | undefined)
  const isUnicode = !encoding || encoding === 'utf8'
  return isUnicode && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** What hears how the reading of a body ended. */
interface Listener {
  /** The response has its data. */
  resolve(response: AxiosResponse): void
  /** The body is too long, or no text of its encoding. */
  reject(error: AxiosError): void
  /** The body broke off. */
  broken(error: Error): void
}

/** Reads the body of a response, within the limits of its request, and gives the response its data. */
export class BodyReader implements ResponseSink<undefined> {
  readonly #response: AxiosResponse
  readonly #listener: Listener
  readonly #maxBytes: number
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(response: AxiosResponse, listener: Listener) {
    this.#response = response
    this.#listener = listener
    const limit = response.config.maxContentLength ?? -1
    this.#maxBytes = limit > -1 ? limit : Number.POSITIVE_INFINITY
  }

  begin(): void {}

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    // What comes compressed is counted when it is not any more.
    if (this.#bytes > this.#maxBytes && !isCompressed(this.#response, this.#response.config)) this.#tooLong()
    return true
  }

  end(): void {
    const response = this.#response
    const [first] = this.#chunks
    const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    if (!isCompressed(response, response.config)) {
      this.#deliver(body)
      return
    }
    uncompressed(response, body, this.#maxBytes).then(
      (data) => this.#deliver(data),
      (error: Error) => {
        if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') this.#tooLong()
        else this.#failed(error)
      },
    )
  }

  fail(error: Error): void {
    this.#listener.broken(error)
  }

  #deliver(body: Buffer): void {
    const { responseType, responseEncoding } = this.#response.config
    try {
      this.#response.data = responseType === 'arraybuffer' ? body : decodedText(body, responseEncoding)
    } catch (error) {
      this.#failed(error)
      return
    }
    this.#listener.resolve(this.#response)
  }

  #failed(error: unknown): void {
    const { config, request } = this.#response
    const cause = error instanceof Error ? error : new TypeError(String(error))
    this.#listener.reject(AxiosError.from(cause, undefined, config, request, this.#response))
  }

  #tooLong(): void {
    const { config, request } = this.#response
    const message = `maxContentLength size of ${config.maxContentLength} exceeded`
    this.#listener.reject(new AxiosError(message, AxiosError.ERR_BAD_RESPONSE, config, request))
  }
}
