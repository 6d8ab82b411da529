import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
let child: ChildProcess | undefined
let output = ''

afterEach(() => {
  child?.kill('SIGKILL')
})

async function start(): Promise<number> {
  output = ''
  const env = { ...process.env, PORT: '0', WORKERS: '2', NOTICE_MS: '300' }
  child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += text))
  const port = await vi.waitFor(() => /http:\S+:(\d+)/.exec(output)?.[1] ?? Promise.reject(new Error(output)), 20_000)
  return Number(port)
}

/** Sends requests without a pause until it is stopped; gives what went wrong. */
function load(port: number): { sent: () => number; stop: () => Promise<string[]> } {
  const agent = new Agent({ keepAlive: true })
  const failures: string[] = []
  let [isOn, sent] = [true, 0]
  const one = (method: string): Promise<void> =>
    new Promise((resolve) => {
      const signal = AbortSignal.timeout(10_000)
      request({ port, host: '127.0.0.1', method, agent, path: `/${++sent}`, signal }, (response) => {
        if (response.statusCode !== 200) failures.push(`${method} ${response.statusCode}`)
        response.resume().on('close', resolve)
      })
        .on('error', (error: NodeJS.ErrnoException) => {
          failures.push(`${method} ${error.code ?? error.name}`)
          resolve()
        })
        .end(method === 'POST' ? 'x' : undefined)
    })
  const clients = ['GET', 'POST', 'GET', 'POST'].map(async (method) => {
    while (isOn) await one(method)
  })
  const stop = async (): Promise<string[]> => {
    isOn = false
    await Promise.all(clients)
    agent.destroy()
    return failures
  }
  return { sent: () => sent, stop }
}

it('loses no request when its workers are replaced, and ends when it is told', { timeout: 60_000 }, async () => {
  const port = await start()
  const { sent, stop } = load(port)
  await vi.waitFor(() => expect(sent()).toBeGreaterThan(50))
  child?.kill('SIGHUP')
  await vi.waitFor(() => expect(output).toContain('all workers replaced'), 30_000)
  const before = sent()
  await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 50))
  expect(await stop()).toEqual([])
  child?.kill('SIGTERM')
  expect(await once(child as ChildProcess, 'exit')).toEqual([0, null])
})

it('replaces a worker that dies, and the others serve on', { timeout: 60_000 }, async () => {
  const port = await start()
  const { sent, stop } = load(port)
  await vi.waitFor(() => expect(sent()).toBeGreaterThan(50))
  const [, pid] = /worker (\d+) listens/.exec(output) ?? []
  process.kill(Number(pid), 'SIGKILL')
  await vi.waitFor(() => expect(output.match(/worker \d+ listens/g)).toHaveLength(3), 20_000)
  const before = sent()
  await vi.waitFor(() => expect(sent()).toBeGreaterThan(before + 50))
  // No more than what was in flight on it, or on the way to it.
  expect((await stop()).length).toBeLessThanOrEqual(4)
  child?.kill('SIGTERM')
  expect(await once(child as ChildProcess, 'exit')).toEqual([0, null])
})
