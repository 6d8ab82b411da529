import { FakeNacos } from 'test-servers'
import { afterEach, describe, expect, it } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

type FakeOptions = Parameters<typeof FakeNacos.start>[0]

async function start(options: FakeOptions): Promise<FakeNacos> {
  const fake = await FakeNacos.start(options)
  fake.set('web', [{ ip: '10.0.0.1', port: 8080 }])
  closing.push(() => fake.stop())
  return fake
}

function discover(fakes: readonly FakeNacos[], options: object = {}): NacosDiscovery {
  const discovery = new NacosDiscovery({ servers: fakes.map(({ url }) => url), random: () => 0.99, ...options })
  closing.push(() => discovery.close())
  return discovery
}

const versionsAsked = ({ requests }: FakeNacos): string[] => requests.map(({ path }) => path.split('/')[1] ?? '')

describe('the version of the API', () => {
  it('is 3 where the server has it', async () => {
    for (const version of ['3.0', '3.2'] as const) {
      const fake = await start({ version })
      expect(await discover([fake]).getInstances('web')).toMatchObject([{ host: '10.0.0.1', port: 8080 }])
      expect(versionsAsked(fake)).toEqual(['v3'])
    }
  })

  it('is 1 where the server answers 404 or 501 to 3, which is asked once only', async () => {
    const no501 = (): undefined => undefined
    const with501 = ({ path }: { path: string }) =>
      path.startsWith('/v3') ? { status: 501, body: 'no such api' } : undefined
    for (const [version, intercept] of [
      ['1.4', no501],
      ['2.5', no501],
      ['2.5', with501],
    ] as const) {
      const fake = await start({ version })
      fake.intercept = intercept
      const discovery = discover([fake])
      for (let round = 0; round < 3; round++) expect(await discovery.getInstances('web')).toHaveLength(1)
      expect(versionsAsked(fake)).toEqual(['v3', 'v1', 'v1', 'v1'])
    }
  })

  it('is found anew after an upgrade that removes 1 or switches it off, and after a downgrade', async () => {
    const fake = await start({ version: '2.5', clientCompatibility: false })
    const discovery = discover([fake])
    await discovery.getInstances('web')
    for (const [version, asked] of [
      ['3.0', ['v1', 'v3']],
      ['3.2', ['v3']],
      ['1.4', ['v3', 'v1']],
      ['3.2', ['v1', 'v3']],
    ] as const) {
      fake.version = version
      fake.requests.length = 0
      expect(await discovery.getInstances('web')).toHaveLength(1)
      expect(versionsAsked(fake)).toEqual(asked)
    }
  })

  it('is that of the server that answers, in a cluster of different ones', async () => {
    const [old, young] = [await start({ version: '2.5' }), await start({ version: '3.2' })]
    const discovery = discover([old, young])
    expect(await discovery.getInstances('web')).toHaveLength(1)
    closing.splice(
      closing.findIndex((close) => close.toString().includes('fake.stop')),
      1,
    )
    await old.stop()
    for (let round = 0; round < 2; round++) expect(await discovery.getInstances('web')).toHaveLength(1)
    expect(versionsAsked(young)).toEqual(['v1', 'v3', 'v3'])
  })

  it('makes no difference to ids', async () => {
    const fake = await start({ version: '2.5' })
    const discovery = discover([fake])
    const before = await discovery.getInstances('web')
    fake.version = '3.2'
    expect(await discovery.getInstances('web')).toEqual(before)
  })

  it.each([400, 401, 403, 429, 500, 502, 503, 504])('is not another one after %i', async (status) => {
    const fake = await start({ version: '3.2' })
    fake.intercept = () => ({ status, body: 'no' })
    await expect(discover([fake]).getInstances('web')).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
      status,
      service: 'web',
    })
    expect(versionsAsked(fake)).toEqual(['v3'])
  })

  it('is in neither form where Nacos is not, and the error says what to look at', async () => {
    const fake = await start({ version: '3.2', contextPath: '/registry' })
    await expect(discover([fake]).getInstances('web')).rejects.toThrow(
      /answered 404 to \/nacos.*is the contextPath right\?/,
    )
    expect(await discover([fake], { contextPath: '/registry' }).getInstances('web')).toHaveLength(1)
    expect(await discover([await start({ contextPath: '' })], { contextPath: '/' }).getInstances('web')).toHaveLength(1)
  })
})

describe('a service', () => {
  it.each(['1.4', '3.2'] as const)('is found by namespace and group (%s)', async (version) => {
    const fake = await start({ version })
    fake.set('web', [{ ip: '10.0.0.2', port: 1 }], { group: 'SHOP' })
    fake.set('web', [{ ip: '10.0.0.3', port: 1 }], { namespace: 'test' })
    const hosts = async (service: string, options: object): Promise<unknown> =>
      (await discover([fake], options).getInstances(service)).map((init) => (init as { host: string }).host)
    expect(await hosts('web', { group: 'SHOP' })).toEqual(['10.0.0.2'])
    expect(await hosts('SHOP@@web', {})).toEqual(['10.0.0.2'])
    expect(await hosts('web', { namespace: 'test' })).toEqual(['10.0.0.3'])
    expect(await hosts('web', { namespace: 'other' })).toEqual([])
  })

  it.each(['1.4', '2.5', '3.0', '3.2'] as const)('is limited to the clusters that are named (%s)', async (version) => {
    const fake = await start({ version })
    const inCluster = (port: number, clusterName: string): object => ({ ip: '10.0.0.1', port, clusterName })
    fake.set('web', [inCluster(1, 'DEFAULT'), inCluster(2, 'a'), inCluster(3, 'b')] as never)
    const ports = async (options: object): Promise<unknown> =>
      (await discover([fake], options).getInstances('web')).map((init) => (init as { port: number }).port)
    expect(await ports({ clusters: ['a'] })).toEqual([2])
    expect(await ports({ clusters: ['a', 'DEFAULT'] })).toEqual([1, 2])
    // 3.0 means only the default one when none is named.
    expect(await ports({})).toEqual(version === '3.0' ? [1] : [1, 2, 3])
  })

  it('without a name is refused before anybody is asked', async () => {
    const fake = await start({})
    for (const name of ['', 'SHOP@@']) {
      await expect(discover([fake]).getInstances(name)).rejects.toThrow('a service needs a name')
    }
    expect(fake.requests).toEqual([])
  })
})

it('tells Nacos neither a secret in a URL nor that it is another client', async () => {
  const fake = await start({ auth: { username: 'lb', password: 'hunter2' } })
  const options = { servers: [fake.url], username: 'lb', password: 'hunter2' }
  const registrar = new NacosRegistrar(options)
  closing.push(() => registrar.close())
  await registrar.register('api', { host: '10.0.0.9', port: 9 })
  await discover([fake], options).getInstances('api')
  for (const { path, url, parameters, headers } of fake.requests) {
    expect(headers['user-agent']).toBe('lb-nacos')
    const isLogin = path.endsWith('/login')
    expect(JSON.stringify(parameters).includes('hunter2')).toBe(isLogin)
    expect(url).not.toMatch(/hunter2|accessToken|eyJ/)
    expect(isLogin || headers.authorization?.startsWith('Bearer ')).toBe(true)
  }
})
