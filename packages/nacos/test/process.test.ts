import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { FakeNacos } from 'test-servers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const flags = ['--import', new URL('resolve-sources.ts', import.meta.url).href, '--input-type=module']
let fake: FakeNacos
beforeEach(async () => {
  fake = await FakeNacos.start({ version: '2.5' })
  fake.set('web', [{ ip: '10.0.0.1', port: 8080 }])
})
afterEach(() => fake.stop())

/** Runs `program` in a process of its own. Gives what it printed. */
async function run(program: string): Promise<string> {
  const source = new URL('../src/index.ts', import.meta.url).href
  const text = `
    import { NacosDiscovery, NacosRegistrar } from ${JSON.stringify(source)}
    const servers = ['${fake.url}']
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', text], { timeout: 20_000 })
  return stdout.trim()
}

describe('a process', { timeout: 30_000 }, () => {
  it('is not kept alive by a watch, nor by the socket for pushes', async () => {
    const watch = `
      const discovery = new NacosDiscovery({ servers, udpPush: { host: '127.0.0.1' } })
      discovery.watch('web', { next: (list) => console.log('told', list.length), error: console.log })
      setTimeout(() => console.log('no reason to stay'), 500)`
    expect(await run(watch)).toBe('told 1\nno reason to stay')
  })

  it('is kept alive while somebody waits for a list', async () => {
    const wait = `
      const discovery = new NacosDiscovery({ servers })
      console.log((await discovery.getInstances('web')).length)`
    expect(await run(wait)).toBe('1')
  })

  it('is kept alive while it registers, not by beats', async () => {
    const register = `
      const registrar = new NacosRegistrar({ servers })
      await registrar.register('api', { host: '10.0.0.9', port: 1 })
      console.log('registered')`
    expect(await run(register)).toBe('registered')
    expect(fake.instances('api')).toHaveLength(1)
  })
})
