import { Agent, get } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { baseLatencyMs, healthy } from '../src/backend-behaviour.ts'
import { BackendProcess } from '../src/backend-process.ts'

interface Answer {
  readonly status: number | undefined
  /** As far as it came. */
  readonly body: string
  /** Why the request, or the body of its answer, failed. */
  readonly error: string | undefined
}

describe('BackendProcess', () => {
  const backend = new BackendProcess('a')
  let agent: Agent

  beforeEach(async () => {
    agent = new Agent({ keepAlive: true, maxSockets: 1 })
    await backend.start()
  })
  afterEach(async () => {
    agent.destroy()
    await backend.kill()
  })

  function request(): Promise<Answer> {
    return new Promise((resolve) => {
      let status: number | undefined
      let body = ''
      const end = (error?: NodeJS.ErrnoException): void => resolve({ status, body, error: error?.code })
      // A reset in the body is told of the request first, then of the response.
      get({ agent, port: backend.port, path: '/v1/profile' }, (response) => {
        status = response.statusCode
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', end).on('error', end)
      }).on('error', end)
    })
  }

  it('answers with its id', async () => {
    const { status, body } = await request()
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ servedBy: 'a' })
  })

  it('fails and is slow as told', async () => {
    await backend.behave({ ...healthy, failureRatio: 1, latencyFactor: 20 })
    const startedAt = performance.now()
    expect((await request()).status).toBe(500)
    // Timers of the other process may be 1 ms early by this one's clock.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20 * baseLatencyMs - 1)
  })

  it('breaks off in the body with a reset', async () => {
    await backend.behave({ ...healthy, resetsResponses: true })
    const { status, body, error } = await request()
    expect({ status, error }).toEqual({ status: 200, error: 'ECONNRESET' })
    expect(body).toMatch(/^\{"servedBy":"a".*x$/)
  })

  it('closes a connection on its second request', async () => {
    await backend.behave({ ...healthy, closesReused: true })
    const answers = [await request(), await request(), await request()]
    expect(answers.map(({ status, error }) => status ?? error)).toEqual([200, 'ECONNRESET', 200])
  })

  it('refuses connections when killed, and comes back healthy on the same port', async () => {
    await backend.behave({ ...healthy, failureRatio: 1 })
    const { port } = backend
    await backend.kill()
    agent.destroy()
    agent = new Agent({ keepAlive: true })
    expect(await request()).toMatchObject({ error: 'ECONNREFUSED' })
    await backend.start()
    expect(backend.port).toBe(port)
    expect((await request()).status).toBe(200)
  })

  it('leaves the registry when it is replaced, finishes its requests, and comes back on another port', async () => {
    const { port } = backend
    await backend.behave({ ...healthy, latencyFactor: 150 })
    const late = request()
    const registered: boolean[] = []
    const replaced = backend.replace()
    void late.then(() => registered.push(backend.isRegistered))
    expect((await late).status).toBe(200)
    await replaced
    expect([...registered, backend.isRegistered]).toEqual([false, true])
    expect(backend.port).not.toBe(port)
    expect((await request()).status).toBe(200)
  })

  it('says nothing while it is stopped, and answers when it goes on', async () => {
    backend.stop()
    let answered = false
    const answer = request().finally(() => {
      answered = true
    })
    // Another process answers meanwhile, which takes longer than this one would have.
    const other = new BackendProcess('b')
    await other.start()
    await other.kill()
    expect(answered).toBe(false)
    backend.continue()
    expect((await answer).status).toBe(200)
  })
})
