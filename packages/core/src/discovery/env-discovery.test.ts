import { FakeClock, Notes } from '@lb/testing'
import { describeDiscovery } from '@lb/testing/suites'
import { describe, expect, it } from 'vitest'
import { InvalidOptionError } from '../base/errors.ts'
import { parseInstance } from '../instance/instance.ts'
import { EnvDiscovery, type EnvDiscoveryOptions } from './env-discovery.ts'

type Env = Record<string, string | undefined>

const written: Env = {}
describeDiscovery('EnvDiscovery (contract)', {
  create: () => new EnvDiscovery({ env: written, pollIntervalMs: 10 }),
  set: async (service, instances) => {
    for (const name of Object.keys(written)) if (name.startsWith(`services__${service}__`)) delete written[name]
    for (const [index, init] of instances.entries()) {
      const { host, port } = parseInstance(init)
      written[`services__${service}__http__${index}`] = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    }
  },
  malform: async (service) => {
    written[`services__${service}__http__99`] = 'no address'
  },
  withinMs: 1_000,
})

const urls = async (env: Env, service = 'users', options: Partial<EnvDiscoveryOptions> = {}): Promise<string[]> => {
  const instances = (await new EnvDiscovery({ env, ...options }).getInstances(service)).map(parseInstance)
  return instances.map(({ host, port, secure }) => `${secure ? 'https' : 'http'}://${host}:${port}`)
}

describe('EnvDiscovery', () => {
  it('reads one instance from each variable, by index', async () => {
    const env = {
      services__users__http__10: 'http://c:80',
      services__users__http__0: 'http://a:8080/',
      services__users__http__1: 'b:81',
      services__orders__http__0: 'http://d:80',
      services__users__http__2: '',
      services__users__http__3: undefined,
      services__users__http: 'http://e:80',
      users__http__0: 'http://f:80',
    }
    expect(await urls(env)).toEqual(['http://a:8080', 'http://b:81', 'http://c:80'])
    expect(await urls(env, 'orders')).toEqual(['http://d:80'])
    expect(await urls(env, 'other')).toEqual([])
  })

  it('prefers https: the two are ways to the same instances', async () => {
    const env = {
      services__users__http__0: 'http://a:80',
      services__users__HTTPS__0: 'https://a',
      services__users__https__1: 'b:8443',
      services__users__grpc__0: 'http://a:50051',
    }
    expect(await urls(env)).toEqual(['https://a:443', 'https://b:8443'])
    expect(await urls(env, 'users', { endpoints: ['http'] })).toEqual(['http://a:80'])
    expect(await urls(env, 'users', { endpoints: ['none', 'GRPC'] })).toEqual(['http://a:50051'])
    expect(await urls(env, 'users', { endpoints: ['none'] })).toEqual([])
  })

  it.each([
    ['user-service', 'services__user-service__http__0'],
    ['user-service', 'services__user_service__http__0'],
    ['user-service', 'SERVICES__USER_SERVICE__HTTP__0'],
    ['User.Service', 'services__user_service__http__0'],
    ['a__b', 'services__a__b__http__0'],
  ])('finds %s as %s', async (service, name) => {
    expect(await urls({ [name]: 'h:1' }, service)).toEqual(['http://h:1'])
  })

  it('leaves out what is no address, names the variable, and shows no credentials', async () => {
    const env: Env = { services__users__http__0: 'a:80', services__users__http__1: 'http://b:80/path' }
    env.services__users__http__2 = 'http://me:hunter2@c:80'
    const notes = new Notes()
    const discovery = new EnvDiscovery({ env })
    discovery.watch('users', notes)
    await expect.poll(() => notes.lists).toMatchObject([[{ id: 'a:80' }]])
    expect(notes.rejected[0]?.map(({ message }) => message)).toEqual([
      expect.stringContaining('services__users__http__1: an instance must be'),
      expect.stringContaining('services__users__http__2: instance must be a URL or "host:port", without credentials'),
    ])
    expect(String(notes.rejected)).not.toContain('hunter2')
    await discovery.close()
  })

  it('reads the variables again while it is watched', async () => {
    const clock = new FakeClock()
    const env: Env = { services__users__http__0: 'a:80' }
    const notes = new Notes()
    const discovery = new EnvDiscovery({ env, clock })
    discovery.watch('users', notes)
    await clock.advance(0)
    env.services__users__http__1 = 'b:80'
    await clock.advance(10_000)
    expect(notes.lists.at(-1)).toMatchObject([{ id: 'a:80' }, { id: 'b:80' }])
    await discovery.close()
  })

  it.each<[string, object]>([
    ['env', {}],
    ['env', { env: 'hunter2' }],
    ['endpoints', { env: {}, endpoints: [] }],
    ['endpoints[1]', { env: {}, endpoints: ['http', 1] }],
    ['pollIntervalMs', { env: {}, pollIntervalMs: 0 }],
  ])('refuses an option that makes no sense: %s', (name, options) => {
    const build = (): unknown => new EnvDiscovery(options as EnvDiscoveryOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(`EnvDiscovery.${name} must be`)
    expect(build).not.toThrow('hunter2')
  })
})
