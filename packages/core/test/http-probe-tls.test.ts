import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { instance } from '@lb/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCertificates } from '../../../test-servers/src/test-certificates.ts'
import { httpProbe } from '../src/health/checks/http-probe.ts'
import type { HealthProbeResult, HttpProbeOptions } from '../src/health/checks/options.ts'
import { verdictOfError, verdictOfResult } from '../src/health/checks/verdict.ts'

let folder: string
let server: Server
let certificates: TestCertificates
let port: number
/** What the server answers. */
let body: string | undefined
/** The client's certificates that the server saw. */
let clients: unknown[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lb-probe-'))
  certificates = await TestCertificates.create(folder, '127.0.0.1')
  const { cert, key } = certificates.server
  const identity = { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(certificates.caPath) }
  server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    clients.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN)
    if (body === undefined) response.write('half of')
    else response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

function probe(
  options: HttpProbeOptions,
  { host = '127.0.0.1', signal = new AbortController().signal } = {},
): Promise<HealthProbeResult> {
  const target = instance('a', { host, port, secure: true })
  return Promise.resolve(httpProbe(options)(target, { signal })).then(verdictOfResult, verdictOfError)
}

const ca = (): string => readFileSync(certificates.caPath, 'utf8')
const connections = (): Promise<number> => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))

describe('the HTTP probe over TLS', () => {
  it('trusts a private authority that it is given, and no other', async () => {
    body = 'UP'
    expect(await probe({ tls: { ca: ca() } })).toEqual({
      healthy: true,
      reason: 'GET /health answered 200',
      immediate: false,
    })
    expect(await probe({ tls: { ca: [ca()] }, expectedStatuses: [204] })).toMatchObject({ healthy: false })
    expect(await probe({ tls: {} })).toMatchObject({ healthy: false, reason: expect.stringMatching(/certificate/) })
    expect(await probe({})).toMatchObject({ healthy: false })
    expect(await probe({ tls: { rejectUnauthorized: false } })).toMatchObject({ healthy: true })
  })

  it('wants the name of the host, or the one that it is given', async () => {
    body = 'UP'
    const wrong = await probe({ tls: { ca: ca(), serverName: 'orders.test' } })
    expect(wrong).toMatchObject({ healthy: false, reason: expect.stringContaining('orders.test') })
    expect(await probe({ tls: { ca: ca(), serverName: 'localhost' } })).toMatchObject({ healthy: true })
  })

  it('proves who it is', async () => {
    body = 'UP'
    clients = []
    await probe({ tls: certificates.clientTls })
    await probe({ tls: { ca: ca() } })
    expect(clients).toEqual(['client', undefined])
  })

  it('has the body judged, and takes one that does not end for a failure', async () => {
    const options = { tls: { ca: ca() }, expectedBody: (text: string) => text === 'UP' }
    body = 'UP'
    expect(await probe(options)).toMatchObject({ healthy: true })
    body = 'DOWN'
    expect(await probe(options)).toMatchObject({ healthy: false, reason: expect.stringContaining('unexpected body') })
    body = undefined
    const controller = new AbortController()
    const verdict = probe(options, { signal: controller.signal })
    await expect.poll(connections).toBe(1)
    controller.abort(new Error('time is over'))
    expect(await verdict).toMatchObject({ healthy: false })
    // Without expectedBody, the head decides.
    expect(await probe({ tls: { ca: ca() } })).toMatchObject({ healthy: true })
    await expect.poll(connections).toBe(0)
  })

  it('leaves no connection behind, and says why there was none', async () => {
    body = 'UP'
    await Promise.all(Array.from({ length: 5 }, () => probe({ tls: { ca: ca() } })))
    await expect.poll(connections).toBe(0)
    expect(await probe({ port: 1, tls: { ca: ca() } })).toMatchObject({
      reason: expect.stringContaining('ECONNREFUSED'),
    })
  })
})
