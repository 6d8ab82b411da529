import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
let child: ChildProcess | undefined

afterEach(() => {
  child?.kill('SIGKILL')
})

it('serves two services and WebSockets, and shuts down without losing a request', { timeout: 30_000 }, async () => {
  let output = ''
  child = spawn(process.execPath, [main], { env: { ...process.env, PORT: '0', DRAIN_MS: '400' } })
  child.stdout?.on('data', (text) => {
    output += text
  })
  child.stderr?.on('data', (text) => {
    output += text
  })
  const url = await vi.waitFor(() => /http:\S+\d/.exec(output)?.[0] ?? Promise.reject(new Error(output)), 10_000)
  const text = async (path: string): Promise<string> => (await fetch(url + path)).text()

  const users = new Set([await text('/users/1'), await text('/users/1')])
  expect(users).toEqual(new Set(['/1 served by users 1\n', '/1 served by users 2\n']))
  expect(await text('/orders/2')).toMatch(/^\/v1\/2 served by orders/)
  expect(JSON.parse(await text('/instances'))).toHaveLength(4)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  expect(await text('/lb')).toContain('<title>')
  expect(JSON.parse(await text('/lb/api/v1/services')).total).toBe(2)

  const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`)
  await once(socket, 'open')
  socket.send('hello')
  expect(String((await once(socket, 'message'))[0])).toBe('hello')

  const slow = text('/users/slow?ms=900')
  const exited = once(child, 'exit')
  const socketClosed = once(socket, 'close')
  await vi.waitFor(() => expect(output).toContain('gateway'))
  child.kill('SIGTERM')
  await vi.waitFor(async () => expect((await fetch(`${url}/health`)).status).toBe(503))
  expect(await slow).toMatch(/^\/slow served by users/)
  expect((await socketClosed)[0]).toBe(1001)
  expect(await exited).toEqual([0, null])
  expect(output).toContain('done')
})
