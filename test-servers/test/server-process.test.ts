import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { freePort, ServerProcess } from '../src/index.ts'

// A server in a line: answers with what is in a file of its folder.
const program = `
  const { readFileSync } = require('node:fs')
  console.log('starts with ' + process.argv[1])
  require('node:http').createServer((_, response) => response.end(readFileSync('state'))).listen(Number(process.argv[1]))
`

describe('the process of a server', () => {
  let server: ServerProcess
  let port: number
  beforeEach(async () => {
    server = new ServerProcess()
    port = await freePort()
  })
  afterEach(() => server.stop())

  const answer = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(500),
    })
    return response.text()
  }
  const start = async (): Promise<void> => {
    server.write('state', 'one')
    await server.start('node', ['-e', program, String(port)], answer)
  }

  it('comes back after a crash with the same arguments and the same folder', async () => {
    await start()
    const { pid } = server
    await server.kill()
    expect(() => server.pid).toThrow('does not run')
    await expect(answer()).rejects.toThrow('fetch failed')
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(await answer()).toBe('one')
    expect(server.log.match(/starts with/g)).toHaveLength(2)
  })

  it('stands still and goes on', async () => {
    await start()
    const { pid } = server
    server.pause()
    await expect(answer()).rejects.toThrow('timeout')
    server.resume()
    await vi.waitFor(async () => expect(await answer()).toBe('one'), { timeout: 5_000 })
    expect(server.pid).toBe(pid)
  })

  it('can be killed while it stands still', async () => {
    await start()
    server.pause()
    await server.stop()
    expect(existsSync(server.folder)).toBe(false)
  })

  it('says at once what a program wrote that ends before it is ready', async () => {
    const failing = server.start('node', ['-e', 'console.error("no such option"); process.exit(1)'], answer)
    await expect(failing).rejects.toThrow(/node did not become ready:\nno such option/)
    expect(existsSync(server.folder)).toBe(false)
  })
})
