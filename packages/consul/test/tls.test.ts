import { readFileSync } from 'node:fs'
import { Consul, startTimeoutMs, type TestCertificates } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ConsulDiscovery, type ConsulDiscoveryOptions, ConsulRegistrar } from '../src/index.ts'
import { inCatalogue } from './registered.ts'

describeWithServers('over TLS with certificates on both sides', Consul.programs, () => {
  let consul: Consul
  let certificates: TestCertificates
  beforeAll(async () => {
    consul = await Consul.start({ tls: 'mutual' })
    certificates = consul.certificates as TestCertificates
  }, startTimeoutMs)
  afterAll(() => consul.stop())

  const count = async (options: ConsulDiscoveryOptions): Promise<number> => {
    const discovery = new ConsulDiscovery({ address: consul.url, env: {}, ...options })
    try {
      return (await discovery.getInstances('web')).length
    } finally {
      await discovery.close()
    }
  }

  it('an instance is registered and found, by texts, by files, and by what the environment says', async () => {
    const { caPath, client } = certificates
    const registrar = new ConsulRegistrar({ address: consul.url, env: {}, tls: certificates.clientTls })
    await registrar.register('web', '10.0.0.1:80')
    await inCatalogue(consul, 'web', 1)
    expect(await count({ tls: certificates.clientTls })).toBe(1)
    expect(await count({ tls: { caFile: caPath, certFile: client.cert, keyFile: client.key } })).toBe(1)
    const env = {
      CONSUL_HTTP_ADDR: consul.url.replace('https://', ''),
      CONSUL_HTTP_SSL: 'true',
      CONSUL_CACERT: caPath,
      CONSUL_CLIENT_CERT: client.cert,
      CONSUL_CLIENT_KEY: client.key,
    }
    const discovery = new ConsulDiscovery({ env })
    expect(await discovery.getInstances('web')).toHaveLength(1)
    await discovery.close()
    await registrar.close()
  })

  it('an agent that nobody vouches for is not believed, and a client without a certificate is not served', async () => {
    await expect(count({})).rejects.toMatchObject({ code: 'LB_DISCOVERY' })
    await expect(count({ tls: { ca: readFileSync(certificates.caPath, 'utf8') } })).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
    })
  })
})
