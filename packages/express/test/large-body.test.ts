import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { closeAll, onClose, startInstance } from './support.ts'

afterEach(closeAll)

const bytes = 2 ** 30
const chunk = Buffer.alloc(1_048_576, 'x')

/** Starts a proxy in a process of its own with a heap of 64 MB; gives its port, and its memory when asked. */
async function startSmallProxy(instance: string): Promise<{ port: number; peakMb: () => Promise<number> }> {
  const path = fileURLToPath(new URL('small-proxy.ts', import.meta.url))
  const child = spawn(process.execPath, ['--max-old-space-size=64', path, instance], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onClose(async () => {
    const ended = once(child, 'exit')
    child.kill()
    await ended
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    port,
    peakMb: async () => {
      child.send('memory')
      return ((await once(child, 'message')) as [{ peakMb: number }])[0].peakMb
    },
  }
}

it('1 GB goes through a heap of 64 MB, each way', { timeout: 180_000 }, async () => {
  let received = 0
  const instance = await startInstance((incoming, response) => {
    if (incoming.method === 'POST') {
      incoming.on('data', (part: Buffer) => {
        received += part.length
      })
      incoming.on('end', () => response.end('done'))
      return
    }
    let left = bytes
    const more = (): void => {
      while (left > 0) {
        left -= chunk.length
        if (!response.write(chunk)) return
      }
      response.end()
    }
    response.writeHead(200, { 'content-length': bytes }).on('drain', more)
    more()
  })
  const { port, peakMb } = await startSmallProxy(instance)

  const [download] = await once(get({ port, host: '127.0.0.1' }), 'response')
  let downloaded = 0
  for await (const part of download) downloaded += part.length
  expect(downloaded).toBe(bytes)

  const upload = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': bytes } })
  for (let sent = 0; sent < bytes; sent += chunk.length) if (!upload.write(chunk)) await once(upload, 'drain')
  upload.end()
  const [answer] = await once(upload, 'response')
  answer.resume()
  expect(answer.statusCode).toBe(200)
  expect(received).toBe(bytes)
  // Of 2 GB that went through: the program, the heap, and buffers that are in flight.
  expect(await peakMb()).toBeLessThan(400)
})
