import { afterEach, expect, it } from 'vitest'
import { describeWithServers } from '../src/describe-with-servers.ts'
import { Consul, type ConsulOptions, HttpStatusError, startTimeoutMs } from '../src/index.ts'

describeWithServers('Consul', Consul.programs, () => {
  let consul: Consul
  afterEach(() => consul.stop())

  const services = (headers?: Record<string, string>): Promise<unknown> =>
    consul.request('GET', '/v1/catalog/services', undefined, headers)
  const start = async (options: ConsulOptions): Promise<void> => {
    consul = await Consul.start(options)
    await consul.register({ ID: 'web-1', Name: 'web', Port: 8001 })
  }

  it('keeps its catalogue over a crash when it is persistent', { timeout: startTimeoutMs }, async () => {
    await start({ persistent: true })
    const before = consul.pid
    await consul.kill()
    await expect(services()).rejects.toThrow('ECONNREFUSED')
    await consul.restart()
    expect(consul.pid).not.toBe(before)
    expect(await services()).toEqual({ consul: [], web: [] })
  })

  it('has tokens with policies, and shows nothing without', { timeout: startTimeoutMs }, async () => {
    await start({ acl: true })
    const token = await consul.createToken(
      'reader',
      'service "web" { policy = "read" } node_prefix "" { policy = "read" }',
    )
    expect(await services()).toEqual({ consul: [], web: [] })
    expect(await services({ 'X-Consul-Token': token })).toEqual({ web: [] })
    expect(await services({ 'X-Consul-Token': 'anonymous' })).toEqual({})
    const unknown = await services({ 'X-Consul-Token': 'unknown' }).catch((error: unknown) => error)
    expect(unknown).toBeInstanceOf(HttpStatusError)
    expect(unknown).toMatchObject({ status: 403, body: 'ACL not found' })
  })

  it('speaks HTTPS, and asks for certificates of clients', { timeout: startTimeoutMs }, async () => {
    await start({ tls: 'mutual' })
    expect(consul.url).toMatch(/^https:/)
    expect(await services()).toEqual({ consul: [], web: [] })
  })
})
