import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { unsharedPort } from './unshared-port.ts'

const servers: Server[] = []

afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))))

const blockOf = (port: number): number => Math.floor((port - 24_000) / 100)

async function listenOn(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
}

it('is free, below those of outgoing connections, and given again only after all others', async () => {
  const ports: number[] = []
  for (let each = 0; each < 99; each++) ports.push(await unsharedPort())
  expect(new Set(ports).size).toBe(99)
  expect(Math.min(...ports)).toBeGreaterThan(24_000)
  expect(Math.max(...ports)).toBeLessThan(32_000)
  const [first = 0, second = 0, third = 0] = ports
  await listenOn(second)
  expect([await unsharedPort(), await unsharedPort()]).toEqual([first, third])
})

it('is no port that another process gets', async () => {
  // One that has the module anew has a block anew, as another process has.
  const blocks = new Set([blockOf(await unsharedPort())])
  for (let other = 0; other < 3; other++) {
    vi.resetModules()
    const { unsharedPort: ofOther } = await import('./unshared-port.ts')
    blocks.add(blockOf(await ofOther()))
  }
  expect(blocks.size).toBe(4)
})
