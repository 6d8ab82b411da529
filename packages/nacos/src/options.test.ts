import { InvalidOptionError } from '@lb/core'
import { expect, it } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from './index.ts'

it('takes no options, and every one', async () => {
  const tls = { rejectUnauthorized: false }
  const common = {
    servers: ['https://nacos-1:8848', 'http://[::1]:8848'],
    contextPath: '/',
    namespace: 'c3b2-77',
    group: 'ORDERS',
    username: 'lb',
    password: 'secret',
    tls,
    timeoutMs: 1_000,
  }
  for (const options of [
    undefined,
    {},
    { ...common, clusters: ['a', 'b-1'], pollIntervalMs: 5_000, weightOf: () => 1, udpPush: { host: '10.0.0.1' } },
  ]) {
    await new NacosDiscovery(options).close()
  }
  for (const options of [undefined, {}, { ...common, cluster: 'a', onError: () => {} }])
    await new NacosRegistrar(options).close()
})

it.each([
  [{ weightOf: 100 }, 'weightOf'],
  [{ servers: [] }, 'servers'],
  [{ servers: ['10.0.0.1:8848'] }, 'servers[0]'],
  [{ server: 'http://10.0.0.1:8848' }, 'server'],
  [{ contextPath: 'nacos' }, 'contextPath'],
  [{ contextPath: '/nacos/' }, 'contextPath'],
  [{ contextPath: '/a/../b' }, 'contextPath'],
  [{ namespace: '' }, 'namespace'],
  [{ group: '' }, 'group'],
  [{ group: 'a@@b' }, 'group'],
  [{ clusters: [] }, 'clusters'],
  [{ clusters: ['a,b'] }, 'clusters[0]'],
  [{ username: 'lb' }, 'password'],
  [{ password: 'secret' }, 'username'],
  [{ timeoutMs: 0 }, 'timeoutMs'],
  [{ pollIntervalMs: 10 }, 'pollIntervalMs'],
  [{ udpPush: true }, 'udpPush'],
  [{ udpPush: {} }, 'udpPush.host'],
  [{ udpPush: { host: '10.0.0.1', port: 70_000 } }, 'udpPush.port'],
  [{ random: 7 }, 'random'],
  [{ clock: {} }, 'clock'],
])('refuses %j', (options, path) => {
  const create = (): unknown => new NacosDiscovery(options as never)
  expect(create).toThrow(InvalidOptionError)
  expect(create).toThrow(`NacosDiscovery.${path}`)
})

it('refuses options of the registrar that are not legal', () => {
  for (const options of [{ cluster: 'a,b' }, { clusters: ['a'] }, { onError: 'log' }, { pollIntervalMs: 5_000 }]) {
    expect(() => new NacosRegistrar(options as never)).toThrow(/^NacosRegistrar\.\w+/)
  }
})

it('shows no password in its errors', () => {
  for (const password of [['hunter2'], 'hunter2']) {
    expect(() => new NacosDiscovery({ username: '', password } as never)).toThrow(
      expect.not.stringContaining('hunter2'),
    )
    expect(() => new NacosDiscovery({ username: 'lb', password: ['hunter2'] } as never)).toThrow(
      expect.not.stringContaining('hunter2'),
    )
  }
})

it('does not see what the caller does to the options later', async () => {
  const clusters = ['a']
  const options = { servers: ['http://127.0.0.1:1'], clusters, group: 'ORDERS' }
  const discovery = new NacosDiscovery(options)
  options.group = ''
  clusters.pop()
  await expect(discovery.getInstances('web')).rejects.toThrow('web: NacosDiscovery: no answer')
  await discovery.close()
})
