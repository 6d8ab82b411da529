import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LoopbackNameServer } from './loopback-name-server.ts'

let server: LoopbackNameServer
beforeEach(async () => {
  server = await LoopbackNameServer.start()
})
afterEach(() => server.close())

/** Runs `program` in a process of its own, with a discovery on a server that is silent. Gives what it printed. */
async function run(timeoutMs: number, program: string): Promise<string> {
  const source = new URL('../src/index.ts', import.meta.url).href
  const text = `
    import { DnsSrvDiscovery } from ${JSON.stringify(source)}
    const options = { name: 'web.lb.test.', servers: ['${server.address}'], tries: 1, timeoutMs: ${timeoutMs} }
    const discovery = new DnsSrvDiscovery(options)
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', text], {
    timeout: 20_000,
  })
  return stdout.trim()
}

describe('a process', { timeout: 30_000 }, () => {
  it('is not kept alive by a watch, even while a question is on the way', async () => {
    const watch = `
      discovery.watch('web', { next() {}, error() {} })
      setTimeout(() => console.log('no reason to stay'), 300)`
    // An hour, if somebody waited.
    expect(await run(3_600_000, watch)).toBe('no reason to stay')
    expect(server.queries).toHaveLength(1)
  })

  it('is kept alive while somebody waits for a list', async () => {
    const wait = `
      await discovery.getInstances('web').catch((error) => console.log(error.message))
      discovery.close()`
    expect(await run(300, wait)).toContain('no answer within 300 ms')
  })
})
