import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describeWithNetwork } from 'test-servers/suites'
import { expect, it } from 'vitest'
import { DnsDiscovery } from '../src/index.ts'
import { addressesOf } from './discovery-on-loopback.ts'
import { address, LoopbackNameServer } from './loopback-name-server.ts'

/** What a program in a network that has only IPv4 on loopback finds, when names have these addresses. */
async function foundWithoutIPv6(addresses: readonly string[], options = ''): Promise<string[]> {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
  const program = `
    import { DnsDiscovery } from ${url('../src/index.ts')}
    import { address, LoopbackNameServer } from ${url('./loopback-name-server.ts')}
    const server = await LoopbackNameServer.start()
    const ofType = { A: (text) => !text.includes(':'), AAAA: (text) => text.includes(':') }
    server.answer(({ name, type }) => ({
      answers: ${JSON.stringify(addresses)}.filter(ofType[type]).map((text) => address(name, text)),
    }))
    const discovery = new DnsDiscovery({ name: 'web.test.', servers: [server.address], port: 80, ${options} })
    console.log(JSON.stringify((await discovery.getInstances('web')).map(({ host }) => host)))
    discovery.close()
    await server.close()`
  const inNetwork = 'ip link set lo up && exec "$0" --input-type=module --eval "$1"'
  const args = ['--net', 'sh', '-c', inNetwork, process.execPath, program]
  const { stdout } = await promisify(execFile)('unshare', args, { timeout: 20_000 })
  return JSON.parse(stdout) as string[]
}

describeWithNetwork('in a network without IPv6', ['unshare'], () => {
  it('an IPv6 address is left out', { timeout: 30_000 }, async () => {
    expect(await foundWithoutIPv6(['127.0.0.1', '2001:db8::1', '127.0.0.2'])).toEqual(['127.0.0.1', '127.0.0.2'])
  })

  it('an address of either family stays if one of its family has a route', { timeout: 30_000 }, async () => {
    expect(await foundWithoutIPv6(['127.0.0.1', '2001:db8::1', '::1'])).toEqual(['127.0.0.1', '2001:db8::1', '::1'])
  })

  it('addresses of one family stay, whether or not it has a route', { timeout: 30_000 }, async () => {
    expect(await foundWithoutIPv6(['2001:db8::1'])).toEqual(['2001:db8::1'])
  })

  it('addresses stay if no family has a route', { timeout: 30_000 }, async () => {
    expect(await foundWithoutIPv6(['10.0.0.1', '2001:db8::1'])).toEqual(['10.0.0.1', '2001:db8::1'])
  })

  it('addresses stay with checkRoutes: false', { timeout: 30_000 }, async () => {
    const found = await foundWithoutIPv6(['127.0.0.1', '2001:db8::1'], 'checkRoutes: false')
    expect(found).toEqual(['127.0.0.1', '2001:db8::1'])
  })
})

it('where both families have a route, each address is an instance', async () => {
  const server = await LoopbackNameServer.start()
  server.answer(({ name, type }) => ({ answers: [address(name, type === 'A' ? '127.0.0.1' : '::1')] }))
  const discovery = new DnsDiscovery({ name: 'web.test.', servers: [server.address], port: 80, checkRoutes: false })
  expect(addressesOf(await discovery.getInstances('web'))).toEqual(['127.0.0.1:80', '::1:80'])
  await discovery.close()
  await server.close()
})
