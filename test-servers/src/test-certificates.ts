import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { binary } from './server-binaries.ts'

const run = promisify(execFile)

/** A certificate and its key: paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** A certificate authority with a certificate for a server and one for a client, made by openssl in a folder. */
export class TestCertificates {
  static readonly programs: readonly string[] = ['openssl']
  /** Path of the certificate of the authority. */
  readonly caPath: string
  readonly server: CertificateFiles
  readonly client: CertificateFiles
  readonly #folder: string

  /** `address`: what the certificate of the server is for, besides localhost. */
  static async create(folder: string, address: string): Promise<TestCertificates> {
    const certificates = new TestCertificates(folder)
    await openssl(['req', '-x509', ...newKey(certificates.#path('ca-key.pem')), '-out', certificates.caPath], 'test CA')
    const names = `subjectAltName=IP:${address},DNS:localhost`
    await certificates.#issue(certificates.server, 'server', [names, 'extendedKeyUsage=serverAuth,clientAuth'])
    await certificates.#issue(certificates.client, 'client', ['extendedKeyUsage=clientAuth'])
    return certificates
  }

  private constructor(folder: string) {
    this.#folder = folder
    this.caPath = this.#path('ca.pem')
    this.server = { cert: this.#path('server.pem'), key: this.#path('server-key.pem') }
    this.client = { cert: this.#path('client.pem'), key: this.#path('client-key.pem') }
  }

  /** What a client needs, PEM. */
  get clientTls(): { ca: string; cert: string; key: string } {
    return { ca: read(this.caPath), cert: read(this.client.cert), key: read(this.client.key) }
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  async #issue({ cert, key }: CertificateFiles, name: string, extensions: readonly string[]): Promise<void> {
    const authority = ['-CA', this.caPath, '-CAkey', this.#path('ca-key.pem')]
    const added = extensions.flatMap((extension) => ['-addext', extension])
    await openssl(['req', '-x509', ...authority, ...newKey(key), ...added, '-out', cert], name)
  }
}

function openssl(args: readonly string[], name: string): Promise<unknown> {
  return run(binary('openssl'), [...args, '-days', '2', '-subj', `/CN=${name}`])
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path]
}

function read(path: string): string {
  return readFileSync(path, 'utf8')
}
