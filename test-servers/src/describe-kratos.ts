import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { describeWithServers } from './describe-with-servers.ts'
import { GoInterop, type GoRegistry } from './go-interop.ts'
import { exchange } from './http-request.ts'
import { TestCertificates } from './test-certificates.ts'

export interface FoundByNode {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly weight: number
}

/** A registry, and how a client for Node reads and writes it. */
export interface KratosHarness {
  readonly registry: () => GoRegistry
  readonly find: (service: string) => Promise<readonly FoundByNode[]>
  /** @returns what deregisters it */
  readonly register: (
    service: string,
    instance: Pick<FoundByNode, 'host' | 'port' | 'secure'>,
  ) => Promise<() => Promise<void>>
  /** What go-kratos calls the service in this registry. Default: the same. */
  readonly nameOf?: (service: string, scheme: string) => string
}

const timeout = 120_000

/** Services in go-kratos and lb, each with the instances of the other. */
export function describeKratos(harness: KratosHarness): void {
  const { registry, find, register, nameOf = (service) => service } = harness
  const programs = [...GoInterop.programs, ...TestCertificates.programs]
  describeWithServers('go-kratos', programs, () => {
    const ending: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ending.splice(0).reverse()) await end()
    })

    const cases: [scheme: 'http' | 'https', listed: string[]][] = [
      ['http', ['http']],
      ['https', ['https']],
      ['http', ['grpc', 'http']],
      ['https', ['grpc', 'https']],
    ]
    it.each(cases)('is found over %s when it lists %j, and gone when it ends', { timeout }, async (scheme, listed) => {
      const service = `go-${listed.join('-')}`
      const application = await GoInterop.kratosServe(registry(), service, ...listed)
      let isRunning = true
      ending.push(async () => {
        if (isRunning) await application.stop()
      })
      const found = (): Promise<readonly FoundByNode[]> => find(nameOf(service, scheme))
      const isSecure = scheme === 'https'
      await vi.waitFor(async () => expect(await found()).toMatchObject([{ secure: isSecure, weight: 1 }]))
      const { host, port } = (await found())[0] as FoundByNode
      // Its certificate is self-signed: that it speaks TLS is enough.
      const answer = exchange({ method: 'GET', url: `${scheme}://${host}:${port}/` })
      if (isSecure) await expect(answer).rejects.toThrow('self-signed certificate')
      else expect(await answer).toBe('kratos over http')
      await application.stop()
      isRunning = false
      await vi.waitFor(async () => expect(await found()).toEqual([]))
    })

    it.each(['http', 'https'] as const)('finds what lb registers over %s, and only so', { timeout }, async (scheme) => {
      const service = `node-${scheme}`
      const backend = await backendOf(scheme, (end) => ending.push(end))
      const { port } = backend.address() as AddressInfo
      const instance = { host: '127.0.0.1', port, secure: scheme === 'https' }
      ending.push(await register(nameOf(service, scheme), instance))
      const name = nameOf(service, scheme)
      expect(await GoInterop.kratosCall(registry(), name, scheme)).toEqual(Array(4).fill('lb'))
      const other = scheme === 'http' ? 'https' : 'http'
      await expect(GoInterop.kratosCall(registry(), name, other)).rejects.toThrow('no instance')
    })
  })
}

async function backendOf(scheme: string, onEnd: (end: () => Promise<void>) => void): Promise<Server> {
  const answer: RequestListener = (_request, response) => {
    response.end('lb')
  }
  let backend: Server
  if (scheme === 'https') {
    const folder = await mkdtemp(join(tmpdir(), 'lb-kratos-'))
    onEnd(() => rm(folder, { recursive: true, force: true }))
    const { server } = await TestCertificates.create(folder, '127.0.0.1')
    backend = createHttpsServer({ cert: readFileSync(server.cert), key: readFileSync(server.key) }, answer)
  } else {
    backend = createHttpServer(answer)
  }
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  onEnd(async () => {
    const closed = once(backend, 'close')
    backend.close()
    backend.closeAllConnections()
    await closed
  })
  return backend
}
