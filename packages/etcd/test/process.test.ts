import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runOnSources } from './run-on-sources.ts'
import { ScriptedGateway } from './scripted-gateway.ts'

let gateway: ScriptedGateway
beforeEach(async () => {
  gateway = await ScriptedGateway.start()
})
afterEach(() => gateway.stop())

/** Runs `program`, and gives what it printed. */
function run(program: string): Promise<string> {
  return runOnSources(`
    import { EtcdDiscovery, EtcdRegistrar } from '@lb/etcd'
    const options = { endpoints: ['${gateway.url}'] }
    ${program}`)
}

describe('a process', { timeout: 30_000 }, () => {
  it('is not kept alive by a watch', async () => {
    const watch = `
      const discovery = new EtcdDiscovery(options)
      discovery.watch('orders', { next() {}, error() {} })
      setTimeout(() => console.log('no reason to stay'), 500)`
    expect(await run(watch)).toBe('no reason to stay')
    expect(gateway.watches).toHaveLength(1)
  })

  it('is not kept alive by a registration', async () => {
    const register = `
      const registrar = new EtcdRegistrar(options)
      await registrar.register('orders', '10.0.0.1:80')
      console.log('registered')`
    expect(await run(register)).toBe('registered')
  })

  it('is kept alive while somebody waits for a list', async () => {
    gateway.reply = () => new Promise(() => {})
    const wait = `
      const discovery = new EtcdDiscovery({ ...options, timeoutMs: 300 })
      await discovery.getInstances('orders').catch((error) => console.log(error.message))
      await discovery.close()`
    expect(await run(wait)).toContain('no answer within 300 ms')
  })
})
