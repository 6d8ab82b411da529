import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { StaticDiscovery } from '@lb/core'
import * as undici from 'undici'
import { type Agent, type Dispatcher, interceptors, RetryAgent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { loadBalanceInterceptor } from '../src/index.ts'
import { Fixture } from './fixture.ts'

const isUndici8 = 'Dispatcher1Wrapper' in undici

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** A handler in the form of undici 7 and 8 that notes what it hears. */
class Recorder implements Dispatcher.DispatchHandler {
  readonly heard: string[] = []
  controller!: Dispatcher.DispatchController
  readonly #pauseAt: string

  constructor(pauseAt = '') {
    this.#pauseAt = pauseAt
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    this.#note('start')
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    expect(controller).toBe(this.controller)
    this.#note(`head ${statusCode}`)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#note(`data ${chunk.length}`)
  }

  onResponseEnd(): void {
    this.#note('end')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#note(`error ${error.message}`)
  }

  #note(what: string): void {
    this.heard.push(what)
    if (what === this.#pauseAt) this.controller.pause()
  }
}

const target = { origin: 'http://user-service', path: '/', method: 'GET' as const }

describe('a handler of the caller', () => {
  it('hears all of an answer, in order', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { body: 'hello' }
    const recorder = new Recorder()
    fixture.dispatcher.dispatch(target, recorder)
    expect(recorder.heard).toEqual(['start'])
    await fixture.allDone(1)
    expect(recorder.heard).toEqual(['start', 'head 200', 'data 5', 'end'])
    recorder.controller.abort(new Error('too late'))
    expect(recorder.heard).toHaveLength(4)
  })

  it('finds the headers as they came in its controller until it has heard the end', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { body: 'hello' }
    const recorder = new Recorder()
    const found: unknown[] = []
    recorder.onResponseEnd = () => found.push(recorder.controller.rawHeaders)
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    expect(found).toEqual([expect.anything()])
    expect(recorder.controller.rawHeaders).toBeNull()
  })

  it.each([
    ['a response', {}],
    ['a failure', { fault: 'reset' as const }],
  ])('keeps nothing alive by its controller after %s', async (_what, script) => {
    await using fixture = await Fixture.start({ backends: 1, lb: { retry: false } })
    fixture.backend.script = script
    const controllers: Dispatcher.DispatchController[] = []
    const send = async (): Promise<WeakRef<Recorder>> => {
      const recorder = new Recorder()
      fixture.dispatcher.dispatch(target, recorder)
      await vi.waitFor(() => expect(recorder.heard.at(-1)).toMatch(/^(end|error .*)$/))
      controllers.push(recorder.controller)
      return new WeakRef(recorder)
    }
    const first = await send()
    // undici lets go of a handler when it sends the next request.
    await send()
    await fixture.allDone(2)
    await nextTurn()
    collectGarbage()
    expect(first.deref()).toBeUndefined()
    expect(controllers).toHaveLength(2)
  })

  it.each([
    ['head 200', ['start', 'head 200']],
    ['data 5', ['start', 'head 200', 'data 5']],
  ])('hears no more of a short answer after a pause at %s, until it resumes', async (pauseAt, before) => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { body: 'hello' }
    const recorder = new Recorder(pauseAt)
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    expect(recorder.heard).toEqual(before)
    recorder.controller.resume()
    expect(recorder.heard).toEqual(['start', 'head 200', 'data 5', 'end'])
  })

  it('can abort what it paused, although all of it is there', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder('head 200')
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    recorder.controller.abort(new Error('enough'))
    recorder.controller.resume()
    expect(recorder.heard).toEqual(['start', 'head 200', 'error enough'])
    expect(recorder.controller.reason).toEqual(new Error('enough'))
  })

  it('can abort at once', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder()
    fixture.dispatcher.dispatch(target, recorder)
    recorder.controller.abort(new Error('enough'))
    await vi.waitFor(() => expect(recorder.heard).toEqual(['start', 'error enough']))
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it('never gets two answers, whatever statuses are repeated', async () => {
    await using fixture = await Fixture.start({ lb: { retry: { statusCodes: [200] } } })
    const recorder = new Recorder()
    fixture.dispatcher.dispatch(target, recorder)
    await vi.waitFor(() => expect(recorder.heard.at(-1)).toBe('end'))
    await fixture.allDone(1)
  })

  describe.each(['GET', 'POST'] as const)('that throws, over a %s', (method) => {
    const answers = {
      'a short answer': { body: 'hello' },
      'a long answer': { body: 'x'.repeat(70_000) },
    }

    it.each(
      (['onRequestStart', 'onResponseStarted', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const).flatMap(
        (where) => Object.entries(answers).map(([kind, script]) => ({ where, kind, script })),
      ),
    )('in $where of $kind hears it as its failure, once, and no instance is blamed', async ({ where, script }) => {
      await using fixture = await Fixture.start({ backends: 1 })
      fixture.backend.script = script
      const recorder: Recorder & Dispatcher.DispatchHandler = new Recorder()
      recorder[where] = () => {
        throw new Error('not like this')
      }
      expect(() => fixture.dispatcher.dispatch({ ...target, method }, recorder)).not.toThrow()
      await vi.waitFor(() => expect(recorder.heard.at(-1)).toBe('error not like this'))
      await vi.waitFor(() => expect(fixture.lb.inspect('user-service').inFlight).toBe(0))
      expect(recorder.heard.filter((each) => each.startsWith('error'))).toHaveLength(1)
      for (const { outcome } of fixture.finished) expect(outcome.ok || outcome.cancelled).toBe(true)
      expect(fixture.requests.length).toBeLessThan(2)
    })

    it('even when it hears of a failure is not asked again, and the process goes on', async () => {
      await using fixture = await Fixture.start({ backends: 1 })
      fixture.backend.script = { fault: 'reset' }
      const recorder = new Recorder()
      recorder.onResponseError = () => {
        recorder.heard.push('error')
        throw new Error('not like this')
      }
      fixture.dispatcher.dispatch({ ...target, method }, recorder)
      await vi.waitFor(() => expect(recorder.heard).toEqual(['start', 'error']))
      await vi.waitFor(() => expect(fixture.lb.inspect('user-service').inFlight).toBe(0))
    })
  })

  it.each(['onBodySent', 'onRequestSent'] as const)(
    'hears of %s, and what it throws there is its failure',
    async (where) => {
      await using fixture = await Fixture.start({ backends: 1 })
      const recorder = new Recorder() as Recorder & Record<string, () => void>
      recorder[where] = () => recorder.heard.push(where)
      const request = { ...target, method: 'POST' as const, body: 'x' }
      fixture.dispatcher.dispatch(request, recorder)
      await fixture.allDone(1)
      // undici 7 calls neither on handlers in this form.
      expect(recorder.heard.includes(where)).toBe(isUndici8)
      if (!isUndici8) return
      const throwing = new Recorder() as Recorder & Record<string, () => void>
      throwing[where] = () => {
        throw new Error('not like this')
      }
      fixture.dispatcher.dispatch(request, throwing)
      await vi.waitFor(() => expect(throwing.heard.at(-1)).toBe('error not like this'))
      await vi.waitFor(() => expect(fixture.lb.inspect('user-service').inFlight).toBe(0))
    },
  )

  it('that throws at early hints hears it as its failure', async () => {
    const server = createServer((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('late'))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const discovery = new StaticDiscovery({ 'user-service': [{ host: '127.0.0.1', port }] })
    await using hinting = await Fixture.start({ backends: 0, lb: { discovery } })
    const recorder = new Recorder()
    recorder.onResponseStart = () => {
      throw new Error('no hints')
    }
    hinting.dispatcher.dispatch(target, recorder)
    await vi.waitFor(() => expect(recorder.heard).toEqual(['start', 'error no hints']))
    await vi.waitFor(() => expect(hinting.finished).toHaveLength(1))
    expect(hinting.finished[0]?.outcome.cancelled).toBe(true)
    server.closeAllConnections()
    server.close()
  })

  it('that throws while it resumes hears it as its failure', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder('head 200')
    recorder.onResponseEnd = () => {
      throw new Error('not like this')
    }
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    expect(() => recorder.controller.resume()).not.toThrow()
    expect(recorder.heard.at(-1)).toBe('error not like this')
  })

  it.each([503, 429])('of retries on top of lb settles after a %i', async (status) => {
    await using fixture = await Fixture.start({ backends: 1, lb: { outlierDetection: false } })
    fixture.backend.script = { status, body: 'busy' }
    const options = { maxRetries: 1, minTimeout: 1, maxTimeout: 2 }
    const ways = [
      new RetryAgent(fixture.dispatcher as Agent, options),
      fixture.agent.compose(loadBalanceInterceptor(fixture.lb), interceptors.retry(options)),
      fixture.agent.compose(interceptors.retry(options), loadBalanceInterceptor(fixture.lb)),
    ]
    for (const way of ways) {
      const settled = await way
        .request(target)
        .then(async ({ statusCode, body }) => [statusCode, await body.text()])
        .catch((error: { code: string; statusCode: number }) => [error.statusCode, error.code])
      expect([status, 'busy', 'UND_ERR_REQ_RETRY']).toEqual(expect.arrayContaining(settled))
    }
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it('in a form that undici refuses is refused as undici does, before anything is sent', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const refusalOf = (dispatcher: Dispatcher, origin: string): unknown => {
      try {
        return dispatcher.dispatch({ ...target, origin, method: 'POST', body: 'x' }, foreign)
      } catch (error) {
        return (error as { code?: unknown }).code
      }
    }
    const foreign: Dispatcher.DispatchHandler = { onResponseStart: () => {} }
    if (!isUndici8) {
      // Its `compose` takes every form, and nothing hangs for that.
      expect(refusalOf(fixture.dispatcher, 'http://user-service')).toBe(true)
      await fixture.allDone(1)
      return
    }
    expect(refusalOf(fixture.agent, fixture.backend.url)).toBe('UND_ERR_INVALID_ARG')
    expect(refusalOf(fixture.dispatcher, 'http://user-service')).toBe('UND_ERR_INVALID_ARG')
    expect(fixture.requests).toEqual([])
    expect(fixture.finished).toEqual([])
  })

  it('of the fetch built into Node is refused with the reason, or works', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const init = { dispatcher: fixture.dispatcher, method: 'POST', body: 'x' } as object
    const answer = await globalThis.fetch('http://user-service/', init).then(
      async (response) => [response.status, await response.text()],
      (error: Error) => [(error.cause as Error).message],
    )
    const [first] = answer
    if (typeof first === 'string') {
      expect(first).toMatch(/^invalid onRequestStart method: .*createFetch/)
      expect(fixture.requests).toEqual([])
    } else {
      expect(first).toBe(200)
    }
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it.each([
    ['no method', { method: undefined }],
    ['a path that is none', { path: 'x' }],
    ['headers that are no pairs', { headers: new Set(['x-a', 'b']) }],
    ['a header with a line break', { headers: { 'x-a': 'a\r\nb' } }],
    ['an idempotent function that throws', { idempotent: 'throws' }],
  ])('hears of %s, and dispatch does not throw', async (_what, wrong) => {
    const options = {
      idempotent: (request: Dispatcher.DispatchOptions): boolean => {
        if ((request.idempotent as unknown) === 'throws') throw new Error('my mistake')
        return request.method === 'GET'
      },
    }
    await using fixture = await Fixture.start({ backends: 1, options })
    const recorder = new Recorder()
    const request = { ...target, ...wrong } as unknown as Dispatcher.DispatchOptions
    expect(() => fixture.dispatcher.dispatch(request, recorder)).not.toThrow()
    await vi.waitFor(() => expect(recorder.heard.at(-1)).toMatch(/^error /))
    expect(fixture.requests).toEqual([])
  })
})

it('reads an answer that it gives up to the end, so that the connection can be used again', async () => {
  let connections = 0
  const server = createServer((_request, response) => {
    response.writeHead(503)
    response.write('one ')
    setImmediate(() => response.end('two'))
  })
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const discovery = new StaticDiscovery({ 'user-service': [{ host: '127.0.0.1', port }] })
  await using fixture = await Fixture.start({ lb: { discovery, outlierDetection: false }, agent: { connections: 1 } })
  for (let number = 0; number < 5; number++) expect(await (await fixture.request()).body.text()).toBe('one two')
  expect(fixture.finished.length).toBeGreaterThan(5)
  expect(connections).toBe(1)
  server.closeAllConnections()
  server.close()
})
