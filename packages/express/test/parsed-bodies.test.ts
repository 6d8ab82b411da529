import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import express5 from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { proxy } from '../src/index.ts'
import { closeAll, express4, nobody, type SeenRequest, startEcho, startGateway } from './support.ts'

afterEach(closeAll)

type Express = typeof express5
type Parser = ReturnType<typeof express5.json>

/** What an instance sees of a POST through a gateway with these body parsers before its proxy, and the status. */
async function sent(
  express: Express,
  parsers: readonly Parser[],
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; seen: SeenRequest | undefined }> {
  const { address, seen } = await startEcho()
  // One that is gone: the body has to be there for a second attempt too.
  const { lb, server } = await startGateway([address, await nobody()])
  const app = express()
  app.use(...(parsers as [Parser]), proxy(lb, 'service', { idempotent: () => true }))
  server.removeAllListeners('request').on('request', app)
  const { port } = server.address() as { port: number }
  let status = 0
  for (let attempt = 0; attempt < 2; attempt++) {
    status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest({ port, method: 'POST', path: '/x', headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
      request.on('error', reject).end(body)
    })
  }
  return { status, seen: seen.at(-1) }
}

const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }
const latin1 = (bytes: string): string => Buffer.from(bytes).toString('latin1')

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('%s: a body that was parsed is sent again', (_name, express) => {
  const keepRaw = express.json({
    verify: (request, _response, bytes) => {
      Object.assign(request, { rawBody: bytes })
    },
  })

  it.each([
    ['JSON', [express.json()], '{ "a": 1,\n "b": "é" }', json, '{"a":1,"b":"é"}'],
    ['an array', [express.json()], '[1, {"a": null}]', json, '[1,{"a":null}]'],
    [
      'JSON of another name',
      [express.json({ type: '*/*' })],
      '{"a": 1}',
      { 'content-type': 'application/x+json' },
      '{"a":1}',
    ],
    ['JSON that is a string', [express.json({ strict: false })], '"a b"', json, '"a b"'],
    ['JSON as text', [express.text({ type: '*/*' })], '{ "a": 1 }', json, '{ "a": 1 }'],
    ['its bytes, where they were kept', [keepRaw], '{ "a" : 1 }', json, '{ "a" : 1 }'],
    ['bytes', [express.raw({ type: '*/*' })], 'a\u0000b', { 'content-type': 'application/octet-stream' }, 'a\u0000b'],
    ['text', [express.text()], 'é', { 'content-type': 'text/plain; charset=utf-8' }, 'é'],
    ['a form', [express.urlencoded({ extended: false })], 'a=1&b=x+y&c=%26&c=2&d=', form, 'a=1&b=x+y&c=%26&c=2&d='],
    [
      'a nested form',
      [express.urlencoded({ extended: true })],
      'a[b]=1&a[c][d]=2&e[]=3',
      form,
      'a%5Bb%5D=1&a%5Bc%5D%5Bd%5D=2&e%5B%5D=3',
    ],
    [
      'an empty form of a parser of JSON too',
      [express.json(), express.urlencoded({ extended: true })],
      'a=',
      form,
      'a=',
    ],
  ] as const)('%s', async (_what, parsers, body, headers, expected) => {
    const { status, seen } = await sent(express, parsers as readonly Parser[], body, headers)
    expect([status, seen?.body]).toEqual([200, latin1(expected)])
    expect(seen?.headers).toMatchObject({ ...headers, 'content-length': String(Buffer.byteLength(expected)) })
    expect(seen?.headers).not.toHaveProperty('transfer-encoding')
  })

  it('without its compression', async () => {
    for (const parser of [express.json(), keepRaw]) {
      const { seen } = await sent(express, [parser], gzipSync('{"a":1}'), { ...json, 'content-encoding': 'gzip' })
      expect(seen?.body).toBe('{"a":1}')
      expect(seen?.headers).not.toHaveProperty('content-encoding')
    }
  })

  it('in UTF-8, and says so', async () => {
    const headers = { 'content-type': 'application/json; charset="utf-16le"; a=b' }
    const { seen } = await sent(express, [express.json()], Buffer.from('{"a":"é"}', 'utf16le'), headers)
    expect(seen?.body).toBe(latin1('{"a":"é"}'))
    expect(seen?.headers['content-type']).toBe('application/json; charset=utf-8; a=b')
  })

  it('only when it was read to its end, and is of a type that can be written', async () => {
    const half: Parser = (request, _response, next) => {
      request.once('data', () => {
        request.pause()
        Object.assign(request, { body: { a: 1 } })
        next()
      })
    }
    const { status, seen } = await sent(express, [half], '{"a": 1}', json)
    expect([status, seen]).toEqual([500, undefined])
    const parts: Parser = (request, _response, next) => {
      request.resume().on('end', () => {
        Object.assign(request, { body: { a: 1 } })
        next()
      })
    }
    for (const type of ['multipart/form-data; boundary=x', 'application/xml']) {
      expect((await sent(express, [parts], 'xyz', { 'content-type': type })).status).toBe(500)
    }
  })
})
