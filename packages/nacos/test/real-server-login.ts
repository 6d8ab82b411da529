import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { NacosDiscovery, NacosRegistrar } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

const address = { host: '10.0.0.1', port: 8080 }

/** With authentication switched on for as long as these tests run. */
export const describeLogin: OnServer = (server) => {
  describe('a server that asks for a login', () => {
    beforeAll(() => server().useAuthentication(true))
    afterAll(() => server().useAuthentication(false))
    const closing: { close(): Promise<void> }[] = []
    afterEach(async () => {
      for (const each of closing.splice(0).reverse()) await each.close()
    })

    it('lets in with name and password, to register and to discover', async () => {
      const options = { servers: [server().url], ...server().user }
      const registrar = new NacosRegistrar(options)
      const discovery = new NacosDiscovery(options)
      closing.push(discovery, registrar)
      const registration = await registrar.register('guarded', address)
      await vi.waitFor(async () => expect(await discovery.getInstances('guarded')).toMatchObject([address]))
      await registration.deregister()
      await vi.waitFor(async () => expect(await discovery.getInstances('guarded')).toEqual([]))
    })

    it('keeps out without, and with a wrong password, which no error shows', async () => {
      const stranger = new NacosDiscovery({ servers: [server().url] })
      const liar = new NacosDiscovery({ servers: [server().url], username: 'nacos', password: 'wrong-password' })
      const registrar = new NacosRegistrar({ servers: [server().url] })
      closing.push(stranger, liar, registrar)
      await expect(stranger.getInstances('guarded')).rejects.toMatchObject({ code: 'LB_DISCOVERY', status: 403 })
      await expect(registrar.register('guarded', address)).rejects.toMatchObject({ code: 'LB_DISCOVERY', status: 403 })
      const error = (await liar.getInstances('guarded').catch((cause: unknown) => cause)) as Error
      expect(error).toMatchObject({ code: 'LB_DISCOVERY', service: 'guarded' })
      expect(error.message).toContain('the login failed')
      expect(`${error.message} ${error.stack}`).not.toContain('wrong-password')
    })
  })
}
