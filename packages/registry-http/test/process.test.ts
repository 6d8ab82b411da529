import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { closeAll, type LoopbackServer, startServer } from './loopback-server.ts'

afterEach(closeAll)

/** Runs `program` in a process of its own, with a client of a server that never ends an answer. Gives what it printed. */
async function run(program: string): Promise<{ printed: string; asked: LoopbackServer['asked'] }> {
  const { url, asked } = await startServer((request, response) => {
    if (request.url === '/stream') response.write('line\n')
  })
  const source = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  const core = JSON.stringify(new URL('../../core/src/index.ts', import.meta.url).href)
  // The sources, so that nothing passes on a stale build.
  const text = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve: (name, context, next) =>
        name === '@lb/core' ? { url: ${core}, shortCircuit: true } : next(name, context),
    })
    const { RegistryClient } = await import(${source})
    const client = new RegistryClient({ owner: 'TestDiscovery', servers: ['${url}'] })
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', text], {
    timeout: 20_000,
  })
  return { printed: stdout.trim(), asked }
}

describe('a process', { timeout: 30_000 }, () => {
  it('is not kept alive by a stream or a request in the background', async () => {
    const { printed, asked } = await run(`
      client.request({ method: 'GET', path: '/', background: true, timeoutMs: 3_600_000 }).catch(() => {})
      const stream = await client.stream({ method: 'GET', path: '/stream', idleTimeoutMs: 3_600_000 })
      const lines = stream.lines()
      console.log((await lines.next()).value)
      lines.next().catch(() => {})`)
    expect(printed).toBe('line')
    expect(asked).toHaveLength(2)
  })

  it('is kept alive while somebody waits, and by close until it is done', async () => {
    const { printed } = await run(`
      await client.request({ method: 'GET', path: '/', timeoutMs: 300 }).catch((error) => console.log(error.message))
      await client.close()
      console.log('closed')`)
    expect(printed).toMatch(/no answer within 300 ms\)\nclosed$/)
  })
})
