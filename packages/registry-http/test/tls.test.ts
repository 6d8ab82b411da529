import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { TlsOptions } from '../src/index.ts'
import { clientOf, closeAll, listen, onClose } from './loopback-server.ts'

afterEach(closeAll)

interface Identity {
  readonly key: string
  readonly cert: string
}

/** A key and a certificate that vouches for itself, made for this run. */
function identity(commonName: string, names: string): Identity {
  const folder = mkdtempSync(join(tmpdir(), 'lb-registry-http-'))
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const subject = ['-subj', `/CN=${commonName}`, '-addext', `subjectAltName=${names}`]
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', keyFile, '-out', certFile], {
    stdio: 'pipe',
  })
  const made = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') }
  rmSync(folder, { recursive: true, force: true })
  return made
}

const registry = identity('registry', 'DNS:localhost,DNS:registry.test,IP:127.0.0.1')
const elsewhere = identity('elsewhere', 'DNS:elsewhere.test')
const caller = identity('caller', 'DNS:caller.test')

/** A server that says who its caller is. */
async function startSecure(
  { key, cert }: Identity,
  options: { ca?: string; requestCert?: boolean } = {},
): Promise<{ port: number; names: unknown[] }> {
  const names: unknown[] = []
  const server = createServer({ key, cert, rejectUnauthorized: false, ...options }, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate()
    response.end(String(subject?.CN ?? 'nobody'))
  })
  server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername))
  const port = await listen(server)
  onClose(() => server.closeAllConnections())
  return { port, names }
}

const ask = async (url: string, tls: TlsOptions): Promise<string> =>
  (await clientOf([url], { tls }).request({ method: 'GET', path: '/' })).text

describe('a server with TLS', () => {
  it('is asked by name and by address when its authority is trusted', async () => {
    const { port, names } = await startSecure(registry)
    expect(await ask(`https://localhost:${port}`, { ca: registry.cert })).toBe('nobody')
    expect(await ask(`https://127.0.0.1:${port}`, { ca: registry.cert })).toBe('nobody')
    expect(names).toEqual(['localhost', false])
  })

  it('is not asked when its authority is not trusted', async () => {
    const { port } = await startSecure(registry)
    await expect(ask(`https://localhost:${port}`, {})).rejects.toThrow(/self-signed certificate/)
    await expect(ask(`https://localhost:${port}`, { ca: caller.cert })).rejects.toThrow(/self-signed certificate/)
    expect(await ask(`https://localhost:${port}`, { rejectUnauthorized: false })).toBe('nobody')
  })

  it('is not asked when its certificate is for another name, unless that is the one expected', async () => {
    const { port, names } = await startSecure(elsewhere)
    await expect(ask(`https://localhost:${port}`, { ca: elsewhere.cert })).rejects.toThrow(/does not match/)
    await expect(ask(`https://127.0.0.1:${port}`, { ca: elsewhere.cert })).rejects.toThrow(/does not match/)
    expect(await ask(`https://127.0.0.1:${port}`, { ca: elsewhere.cert, serverName: 'elsewhere.test' })).toBe('nobody')
    expect(names.at(-1)).toBe('elsewhere.test')
  })

  it('is shown the certificate of the client', async () => {
    const { port } = await startSecure(registry, { requestCert: true, ca: caller.cert })
    const tls = { ca: registry.cert, cert: caller.cert, key: caller.key }
    expect(await ask(`https://localhost:${port}`, tls)).toBe('caller')
  })
})

describe('files', () => {
  it('are read again for a new connection', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lb-registry-http-'))
    onClose(() => rmSync(folder, { recursive: true, force: true }))
    const tls = { caFile: join(folder, 'ca'), certFile: join(folder, 'cert'), keyFile: join(folder, 'key') }
    const write = (ca: string, { cert, key }: Identity): void => {
      writeFileSync(tls.caFile, ca)
      writeFileSync(tls.certFile, cert)
      writeFileSync(tls.keyFile, key)
    }
    const { port } = await startSecure(registry, { requestCert: true, ca: caller.cert })
    const client = clientOf([`https://localhost:${port}`], { tls })
    const get = { method: 'GET', path: '/' } as const
    await expect(client.request(get)).rejects.toThrow(/ENOENT/)
    writeFileSync(tls.caFile, 'half a')
    await expect(client.request(get)).rejects.toThrow()
    write(elsewhere.cert, caller)
    await expect(client.request(get)).rejects.toThrow(/self-signed certificate/)
    write(registry.cert, { cert: caller.cert, key: elsewhere.key })
    await expect(client.request(get)).rejects.toThrow(/key values mismatch/)
    write(registry.cert, caller)
    expect((await client.request(get)).text).toBe('caller')
  })
})
