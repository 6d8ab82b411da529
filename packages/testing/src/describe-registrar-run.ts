import { setTimeout as delay } from 'node:timers/promises'
import { parseInstance, type ServiceInstanceInit, type ServiceRegistrar } from '@lb/core'
import { expect, vi } from 'vitest'
import type { RegistrarHarness } from './describe-registrar-harness.ts'

type Address = { host: string; port: number }

/** The harness, with what a check opened on it. */
export class RegistrarRun {
  readonly #harness: RegistrarHarness
  readonly #addresses: readonly Address[]
  readonly #registrars: ServiceRegistrar[] = []
  readonly #services: string[] = []
  #count = 0
  #isFailing = false

  constructor(harness: RegistrarHarness) {
    this.#harness = harness
    const fallback = [1, 2, 3].map((number) => ({ host: `10.0.0.${number}`, port: 8079 + number }))
    this.#addresses = (harness.addresses ?? fallback).map(({ host, port }) => ({ host, port }))
  }

  get withinMs(): number {
    return this.#harness.withinMs ?? 5_000
  }

  /** Three instances. */
  get addresses(): [Address, Address, Address] {
    const [first, second, third] = this.#addresses
    return [{ ...first }, { ...second }, { ...third }] as [Address, Address, Address]
  }

  async open(): Promise<{ registrar: ServiceRegistrar; service: string }> {
    const registrar = await this.#harness.create()
    this.#registrars.push(registrar)
    return { registrar, service: this.nextService() }
  }

  nextService(): string {
    this.#count++
    const service = `contract-registrar-${this.#count}`
    this.#services.push(service)
    return service
  }

  /** Waits until the registry has exactly these instances of the service. */
  async expectRegistered(service: string, expected: readonly ServiceInstanceInit[]): Promise<void> {
    const addresses = expected.map((init) => addressOf(init)).sort()
    await this.eventually(async () => {
      const listed = await this.#harness.list(service)
      expect(Array.from(listed).sort(), `what the registry has of ${service}`).toEqual(addresses)
    })
  }

  /** The same, and after two renewals still. */
  async expectToStay(service: string, expected: readonly ServiceInstanceInit[]): Promise<void> {
    await this.expectRegistered(service, expected)
    await this.twoRenewals()
    await this.expectRegistered(service, expected)
  }

  async twoRenewals(): Promise<void> {
    await delay(this.twoRenewalsMs)
  }

  get twoRenewalsMs(): number {
    return 2 * (this.#harness.renewalMs ?? this.withinMs / 10)
  }

  async read(service: string): Promise<readonly ServiceInstanceInit[]> {
    return (await this.#harness.read?.(service)) ?? []
  }

  async lose(service: string, init: ServiceInstanceInit): Promise<void> {
    await this.#harness.lose?.(service, parseInstance(init))
  }

  async fail(): Promise<void> {
    this.#isFailing = true
    await this.#harness.fail?.()
  }

  async recover(): Promise<void> {
    await this.#harness.recover?.()
    this.#isFailing = false
  }

  eventually(check: () => Promise<void>): Promise<void> {
    return vi.waitFor(check, { timeout: this.withinMs, interval: 20 })
  }

  /** Closes every registrar, after which the registry has nothing of theirs. */
  async end(): Promise<void> {
    if (this.#isFailing) await this.recover()
    for (const registrar of this.#registrars.splice(0)) await registrar.close()
    for (const service of this.#services.splice(0)) await this.expectRegistered(service, [])
  }
}

export function addressOf(init: ServiceInstanceInit): string {
  const { host, port } = parseInstance(init)
  return `${host}:${port}`
}
