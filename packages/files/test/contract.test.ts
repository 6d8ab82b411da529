import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseInstance, type ServiceInstanceInit } from '@lb/core'
import { type DiscoveryHarness, describeDiscovery } from '@lb/testing/suites'
import { stringify } from 'yaml'
import { FileDiscovery } from '../src/index.ts'

const pollIntervalMs = 10
const capabilities = { weights: true, priority: true, metadata: true, secure: true, failure: true }

/** A group for each instance: labels are those of the group. */
function groupOf(init: ServiceInstanceInit, labels: Record<string, string> = {}): object {
  const { host, port, weight, priority, secure, metadata } = parseInstance(init)
  const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const fields = { weight: String(weight), priority: String(priority), secure: String(secure) }
  return { targets: [target], labels: { ...labels, ...metadata, ...fields } }
}

class Directory implements DiscoveryHarness {
  readonly withinMs = 2_000
  readonly #path = mkdtempSync(join(tmpdir(), 'lb-files-'))
  readonly #elsewhere = `${this.#path}-elsewhere`

  create(): FileDiscovery {
    return new FileDiscovery({ directory: this.#path, pollIntervalMs })
  }

  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    this.#write(
      service,
      instances.map((init) => groupOf(init)),
    )
  }

  async malform(service: string): Promise<void> {
    this.#write(service, [...this.#read(service), { targets: ['no address'] }])
  }

  async fail(): Promise<void> {
    renameSync(this.#path, this.#elsewhere)
  }

  async recover(): Promise<void> {
    renameSync(this.#elsewhere, this.#path)
  }

  async close(): Promise<void> {
    rmSync(this.#path, { recursive: true })
  }

  #read(service: string): object[] {
    try {
      return JSON.parse(readFileSync(join(this.#path, `${service}.json`), 'utf8')) as object[]
    } catch {
      return []
    }
  }

  #write(service: string, groups: readonly object[]): void {
    writeFileSync(join(this.#path, 'new'), JSON.stringify(groups))
    renameSync(join(this.#path, 'new'), join(this.#path, `${service}.json`))
  }
}

class SharedFile implements DiscoveryHarness {
  readonly withinMs = 2_000
  readonly #folder = mkdtempSync(join(tmpdir(), 'lb-files-'))
  readonly #path = join(this.#folder, 'targets.yaml')
  readonly #groups = new Map<string, object[]>()
  #isBroken = false

  create(): FileDiscovery {
    this.#write()
    return new FileDiscovery({ file: this.#path, pollIntervalMs, serviceLabel: 'job' })
  }

  async set(service: string, instances: readonly ServiceInstanceInit[]): Promise<void> {
    this.#groups.set(
      service,
      instances.map((init) => groupOf(init, { job: service })),
    )
    this.#write()
  }

  async malform(service: string): Promise<void> {
    const bad = { targets: ['no address'], labels: { job: service } }
    this.#groups.set(service, [...(this.#groups.get(service) ?? []), bad])
    this.#write()
  }

  async fail(): Promise<void> {
    this.#isBroken = true
    this.#write()
  }

  async recover(): Promise<void> {
    this.#isBroken = false
    this.#write()
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true })
  }

  #write(): void {
    writeFileSync(`${this.#path}.new`, this.#isBroken ? '' : stringify([...this.#groups.values()].flat()))
    renameSync(`${this.#path}.new`, this.#path)
  }
}

describeDiscovery('FileDiscovery of a directory', new Directory(), { ...capabilities, unknownService: 'error' })
describeDiscovery('FileDiscovery of one file', new SharedFile(), capabilities)
