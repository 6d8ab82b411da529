import { parseInstance } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { FakeNacos } from 'test-servers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(version: FakeNacos['version'], options: object = {}) {
  const fake = await FakeNacos.start({ version, ...options })
  closing.push(() => fake.stop())
  const clock = new FakeClock()
  const errors: Error[] = []
  const registrar = new NacosRegistrar({
    servers: [fake.url],
    clock,
    random: () => 0,
    onError: (cause) => errors.push(cause as Error),
  })
  closing.push(() => registrar.close())
  const beats = (): number =>
    fake.requests.filter(({ path, parameters }) => path.endsWith('/beat') || parameters.heartBeat === 'true').length
  const registrations = (): number =>
    fake.requests.filter(
      ({ method, path, parameters }) =>
        method === 'POST' && path.includes(version < '3' ? 'v1' : 'v3') && parameters.heartBeat === undefined,
    ).length
  return { fake, clock, registrar, errors, beats, registrations }
}

const address = { host: '10.0.0.1', port: 8080 }

describe.each(['1.4', '2.5', '3.0', '3.2'] as const)('an instance that is registered (%s)', (version) => {
  it('is what NacosDiscovery finds, field by field', async () => {
    const { fake, registrar } = await start(version)
    const discovery = new NacosDiscovery({ servers: [fake.url], group: 'SHOP' })
    closing.push(() => discovery.close())
    const init = { ...address, weight: 2.5, zone: 'eu-a', secure: true, priority: 1, metadata: { v: 'ü"&=' } }
    const registration = await registrar.register('SHOP@@web', init)
    expect(registration).toMatchObject({ service: 'SHOP@@web', instance: parseInstance(init) })
    const [found] = await discovery.getInstances('web')
    expect(found).toMatchObject({ ...init, metadata: { v: 'ü"&=' }, healthy: true })
    await registration.deregister()
    expect(await discovery.getInstances('web')).toEqual([])
  })

  it('is kept by a beat every five seconds', async () => {
    const { registrar, clock, beats, registrations } = await start(version)
    await registrar.register('web', address)
    for (let count = 1; count < 5; count++) {
      await clock.advance(5_000)
      await vi.waitFor(() => expect(beats()).toBe(count))
    }
    expect(registrations()).toBe(1)
  })

  it('is registered again in full when the server forgot it', async () => {
    const { fake, registrar, clock, errors, beats, registrations } = await start(version)
    await registrar.register('web', { ...address, weight: 7, metadata: { v: '1' } })
    // The first beat may be a full one, with which the server registers by itself.
    await clock.advance(5_000)
    await vi.waitFor(() => expect(beats()).toBe(1))
    fake.forget('web')
    await vi.waitFor(async () => {
      await clock.advance(1_000)
      expect(registrations()).toBe(2)
    })
    expect(fake.instances('web')).toMatchObject([
      { ip: '10.0.0.1', port: 8080, weight: 7, metadata: { v: '1' }, healthy: true },
    ])
    expect(errors).toEqual([])
  })

  it('is in the cluster of the options', async () => {
    const { fake } = await start(version)
    const registrar = new NacosRegistrar({ servers: [fake.url], cluster: 'eu-a', namespace: 'test' })
    closing.push(() => registrar.close())
    await registrar.register('web', address)
    expect(fake.instances('web', { namespace: 'test' })).toMatchObject([{ clusterName: 'eu-a' }])
    await registrar.close()
    expect(fake.instances('web', { namespace: 'test' })).toEqual([])
  })
})

describe('beats', () => {
  it('are full first, and light when the server takes light ones', async () => {
    const { fake, registrar, clock, beats } = await start('2.5')
    await registrar.register('web', address)
    for (let count = 1; count <= 3; count++) {
      await clock.advance(5_000)
      await vi.waitFor(() => expect(beats()).toBe(count))
    }
    const sent = fake.requests.filter(({ path }) => path.endsWith('/beat'))
    expect(sent.map(({ parameters }) => parameters.beat !== undefined)).toEqual([true, false, false])
  })

  it('are not refused for the length of the metadata', async () => {
    const { fake, registrar, clock, errors, beats } = await start('2.5')
    const metadata = { notes: 'ü"'.repeat(2_000) }
    await registrar.register('web', { ...address, metadata })
    fake.forget('web')
    await clock.advance(5_000)
    await vi.waitFor(() => expect(beats()).toBe(1))
    await vi.waitFor(() => expect(fake.instances('web')).toMatchObject([{ metadata }]))
    expect(errors).toEqual([])
  })

  it('come as often as the server says, within reason', async () => {
    const { fake, registrar, clock, beats } = await start('2.5')
    await registrar.register('web', address)
    for (const [clientBeatInterval, thenMs] of [
      [2_000, 2_000],
      [1, 500],
      [1e9, 60_000],
      ['x', 60_000],
      [-5, 60_000],
    ]) {
      fake.intercept = () => ({ body: JSON.stringify({ clientBeatInterval, code: 10_200, lightBeatEnabled: true }) })
      const before = beats()
      await vi.waitFor(async () => {
        await clock.advance(10_000)
        expect(beats()).toBeGreaterThan(before)
      })
      const after = beats()
      await clock.advance((thenMs as number) - 100)
      expect(beats()).toBe(after)
      await clock.advance(200)
      await vi.waitFor(() => expect(beats()).toBe(after + 1))
    }
  })

  it('come as often as the metadata of the instance says, where the server does not', async () => {
    const { registrar, clock, beats } = await start('3.2')
    await registrar.register('web', { ...address, metadata: { 'preserved.heart.beat.interval': '2000' } })
    await clock.advance(1_900)
    expect(beats()).toBe(0)
    await clock.advance(200)
    await vi.waitFor(() => expect(beats()).toBe(1))
  })

  it('go on in the other version of the API after an upgrade', async () => {
    const { fake, registrar, clock, errors } = await start('2.5')
    await registrar.register('web', address)
    fake.version = '3.2'
    fake.forget('web')
    await vi.waitFor(async () => {
      await clock.advance(1_000)
      expect(fake.instances('web')).toHaveLength(1)
    })
    expect(errors).toEqual([])
  })

  it('go on after failures, each of which is told', async () => {
    const { fake, registrar, clock, errors } = await start('3.2')
    await registrar.register('web', address)
    fake.intercept = () => ({ status: 500, body: '{"code":30000,"message":"server error"}' })
    await vi.waitFor(async () => {
      await clock.advance(5_000)
      expect(errors.length).toBeGreaterThan(2)
    })
    expect(errors[0]).toMatchObject({ code: 'LB_DISCOVERY', service: 'web', status: 500 })
    expect(errors[0]?.message).toContain('code 30000, server error')
    fake.forget('web')
    fake.intercept = () => undefined
    await vi.waitFor(async () => {
      await clock.advance(5_000)
      expect(fake.instances('web')).toHaveLength(1)
    })
  })

  it.each(['2.5', '3.2'] as const)('that are answered with nonsense are failures (%s)', async (version) => {
    const { fake, registrar, clock, errors } = await start(version)
    await registrar.register('web', address)
    for (const body of ['', 'ok', 'null', '[]', '{"code":500}', '{"code":"0"}']) {
      const before = errors.length
      fake.intercept = () => ({ body })
      await vi.waitFor(async () => {
        await clock.advance(10_000)
        expect(errors.length).toBeGreaterThan(before)
      })
    }
    expect(errors.every((error) => 'code' in error && error.code === 'LB_DISCOVERY')).toBe(true)
  })
})

describe('a registration', () => {
  it('that fails rejects, and nothing goes on', async () => {
    const { fake, registrar, clock } = await start('3.2')
    for (const intercepted of [
      { status: 500, body: 'no' },
      { body: 'nonsense' },
      { body: '{"code":10001,"message":"no"}' },
    ]) {
      fake.intercept = () => intercepted
      await expect(registrar.register('web', address)).rejects.toMatchObject({ code: 'LB_DISCOVERY', service: 'web' })
    }
    fake.version = '1.4'
    fake.intercept = ({ path }) => (path.includes('v1') ? { body: 'not ok' } : undefined)
    await expect(registrar.register('web', address)).rejects.toThrow('the answer is not "ok"')
    expect(clock.pendingTimers).toBe(0)
  })

  it('with a weight that Nacos refuses, or without a name, is refused before', async () => {
    const { fake, registrar } = await start('3.2')
    await expect(registrar.register('web', { ...address, weight: 10_001 })).rejects.toMatchObject({
      code: 'LB_INVALID_INSTANCE',
      field: 'weight',
    })
    await expect(registrar.register('web', { host: 'a b', port: 1 })).rejects.toMatchObject({
      code: 'LB_INVALID_INSTANCE',
    })
    await expect(registrar.register('', address)).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
    expect(fake.requests).toEqual([])
  })

  it('is taken back once, however often that is asked, and rejects when Nacos cannot be told', async () => {
    const { fake, registrar } = await start('3.2')
    const first = await registrar.register('web', address)
    expect(first.deregister()).toBe(first.deregister())
    await first.deregister()
    expect(fake.requests.filter(({ method }) => method === 'DELETE')).toHaveLength(1)
    const second = await registrar.register('web', address)
    fake.intercept = () => ({ status: 500, body: 'no' })
    await expect(second.deregister()).rejects.toMatchObject({ code: 'LB_DISCOVERY', service: 'web' })
  })

  it('is taken back by close, which tells failures and leaves no timer', async () => {
    const { fake, registrar, clock, errors } = await start('3.2')
    await registrar.register('web', address)
    await registrar.register('api', address)
    fake.intercept = ({ parameters }) => (parameters.serviceName === 'api' ? { status: 500, body: 'no' } : undefined)
    await registrar.close()
    expect(fake.instances('web')).toEqual([])
    expect(errors).toHaveLength(1)
    expect(errors[0]?.message).toContain('api: ')
    expect(clock.pendingTimers).toBe(0)
    await expect(registrar.register('web', address)).rejects.toMatchObject({ code: 'LB_CLOSED' })
  })

  it('under way when the registrar closes is taken back', async () => {
    const { fake, registrar } = await start('3.2')
    const registering = registrar.register('web', address)
    const closed = registrar.close()
    await expect(registering).rejects.toMatchObject({ code: 'LB_CLOSED' })
    await closed
    expect(fake.instances('web')).toEqual([])
  })
})
