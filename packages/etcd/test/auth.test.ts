import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Notes } from '@lb/testing'
import { Etcd, startTimeoutMs } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EtcdDiscovery, type EtcdDiscoveryOptions, EtcdRegistrar } from '../src/index.ts'
import { toBase64 } from '../src/key-range.ts'
import { EtcdStore } from './etcd-store.ts'
import { eventually } from './eventually.ts'
import { onEachEtcd } from './on-each-etcd.ts'

const timeout = 90_000

onEachEtcd('with authentication', (version) => {
  let folder: string
  let etcd: Etcd
  let store: EtcdStore
  let notes: Notes
  const opened: { close(): Promise<void> }[] = []

  const start = async (flags: readonly string[] = []): Promise<void> => {
    // Each login is a hash of the password: at the usual cost, logins on a busy machine outlast the tokens that they give.
    etcd = await Etcd.start({ version, flags: [...flags, '--bcrypt-cost=4'] })
    store = new EtcdStore(etcd)
    await store.enableAuth()
  }
  const watch = (options: EtcdDiscoveryOptions = {}, service = 'orders'): EtcdDiscovery => {
    const credentials = { username: 'reader', password: 'secret' }
    const discovery = new EtcdDiscovery({
      endpoints: [etcd.url],
      ...credentials,
      timeoutMs: 5_000,
      probeIntervalMs: 500,
      ...options,
    })
    opened.push(discovery)
    discovery.watch(service, notes)
    return discovery
  }
  const become = (...expected: string[]): Promise<unknown> =>
    eventually(() => expect(notes.latest).toEqual(expected), 20_000)

  /** Until it succeeds: a token that lasts a second may be over before it is used. */
  const withNewToken = <T>(use: () => Promise<T>): Promise<T> =>
    vi.waitFor(
      async () => {
        await store.login()
        return use()
      },
      { timeout: 20_000, interval: 20 },
    )

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lb-etcd-'))
    notes = new Notes()
  })
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close()
    await etcd.stop()
    rmSync(folder, { recursive: true })
  }, startTimeoutMs)

  /** Tokens that last one second, however much they are used. */
  const shortTokens = (): string[] => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    })
    const [publicPath, privatePath] = [join(folder, 'public.pem'), join(folder, 'private.pem')]
    writeFileSync(publicPath, publicKey)
    writeFileSync(privatePath, privateKey)
    return [`--auth-token=jwt,pub-key=${publicPath},priv-key=${privatePath},sign-method=RS256,ttl=1s`]
  }

  it('goes on when its tokens expire', { timeout }, async () => {
    await start(shortTokens())
    const discovery = watch()
    await become()
    // One that is younger than that of the list is no good any more.
    await store.login()
    await eventually(() => expect(store.keys('/microservices/')).rejects.toThrow('invalid auth token'), 20_000)
    await withNewToken(() => store.add('orders', '10.0.0.1:80'))
    await become('10.0.0.1:80')
    expect(await discovery.getInstances('orders')).toHaveLength(1)
  })

  it('goes on when etcd has forgotten its tokens in a restart', { timeout }, async () => {
    await start()
    await store.add('orders', '10.0.0.1:80')
    watch()
    await become('10.0.0.1:80')
    await etcd.kill()
    await etcd.restart()
    await store.login()
    await store.add('orders', '10.0.0.2:80')
    await become('10.0.0.1:80', '10.0.0.2:80')
  })

  it('keeps an instance registered while tokens expire and leases are renewed', { timeout }, async () => {
    await start(shortTokens())
    const credentials = { username: 'reader', password: 'secret' }
    const registrar = new EtcdRegistrar({
      endpoints: [etcd.url],
      ...credentials,
      ttlMs: 2_000,
    })
    opened.push(registrar)
    await registrar.register('orders', '10.0.0.1:80')
    watch()
    await become('10.0.0.1:80')
    const leaseNow = (): Promise<string | undefined> =>
      withNewToken(async () => (await store.keys('/microservices/orders/'))[0]?.lease)
    const lease = await leaseNow()
    // A key whose lease nobody renews, twice one after the other.
    for (const marker of ['/first/', '/second/']) {
      await withNewToken(async () => {
        const { ID } = (await store.call('/v3/lease/grant', { TTL: '2' })) as { ID: string }
        await store.put(`${marker}key`, '', ID)
      })
      await withNewToken(async () => expect(await store.keys(marker)).toEqual([]))
    }
    expect(await leaseNow()).toBe(lease)
    expect(new Set(notes.described.map(String))).toEqual(new Set(['10.0.0.1:80']))
  })

  it('says what is missing, and begins when permission was given', { timeout }, async () => {
    await start()
    await store.put('/other/orders/1', '10.0.0.1:80')
    watch({ prefix: '/other/', codec: 'address' })
    await eventually(() => expect(notes.errors[0]?.message).toContain('permission denied'), 20_000)
    expect(notes.errors[0]?.message).not.toContain('secret')
    const perm = { permType: 'READ', key: toBase64('/other/'), range_end: toBase64('/other0') }
    await store.call('/v3/auth/role/grant', { name: 'services', perm })
    await become('10.0.0.1:80')
  })

  it('says that the password is wrong, without it', { timeout }, async () => {
    await start()
    watch({ password: 'hunter2' })
    await eventually(() => expect(notes.errors[0]?.message).toContain('invalid user ID or password'), 20_000)
    expect(String(notes.errors[0])).not.toContain('hunter2')
    expect(notes.lists).toEqual([])
  })

  describe('without credentials', () => {
    it('is told so, and tells no empty list', { timeout }, async () => {
      await start()
      const discovery = new EtcdDiscovery({ endpoints: [etcd.url] })
      opened.push(discovery)
      await expect(discovery.getInstances('orders')).rejects.toThrow('user name is empty')
    })
  })
})
