import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { StaticDiscovery } from '@lb/core'
import type { Dispatcher } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { Fixture } from './fixture.ts'

/** A handler in the form of undici 7 and 8 that writes down what it is told. */
class Recorder implements Dispatcher.DispatchHandler {
  readonly told: string[] = []
  controller!: Dispatcher.DispatchController
  readonly #pauseAt: string

  constructor(pauseAt = '') {
    this.#pauseAt = pauseAt
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller
    this.#tell('start')
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    expect(controller).toBe(this.controller)
    this.#tell(`head ${statusCode}`)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#tell(`data ${chunk.length}`)
  }

  onResponseEnd(): void {
    this.#tell('end')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#tell(`error ${error.message}`)
  }

  #tell(what: string): void {
    this.told.push(what)
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
    expect(recorder.told).toEqual(['start'])
    await fixture.allDone(1)
    expect(recorder.told).toEqual(['start', 'head 200', 'data 5', 'end'])
    recorder.controller.abort(new Error('too late'))
    expect(recorder.told).toHaveLength(4)
  })

  it('finds the fields as they came in its controller until it has heard the end, and keeps nothing alive by it after that', async () => {
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
    ['head 200', ['start', 'head 200']],
    ['data 5', ['start', 'head 200', 'data 5']],
  ])('hears no more of a short answer after a pause at %s, until it resumes', async (pauseAt, before) => {
    await using fixture = await Fixture.start({ backends: 1 })
    fixture.backend.script = { body: 'hello' }
    const recorder = new Recorder(pauseAt)
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    expect(recorder.told).toEqual(before)
    recorder.controller.resume()
    expect(recorder.told).toEqual(['start', 'head 200', 'data 5', 'end'])
  })

  it('can abort what it paused, although all of it is there', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder('head 200')
    fixture.dispatcher.dispatch(target, recorder)
    await fixture.allDone(1)
    recorder.controller.abort(new Error('enough'))
    recorder.controller.resume()
    expect(recorder.told).toEqual(['start', 'head 200', 'error enough'])
    expect(recorder.controller.reason).toEqual(new Error('enough'))
  })

  it('can abort at once', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder()
    fixture.dispatcher.dispatch(target, recorder)
    recorder.controller.abort(new Error('enough'))
    await vi.waitFor(() => expect(recorder.told).toEqual(['start', 'error enough']))
    expect(fixture.lb.inspect('user-service').inFlight).toBe(0)
  })

  it('never gets two answers, whatever statuses are repeated', async () => {
    await using fixture = await Fixture.start({ lb: { retry: { statusCodes: [200] } } })
    const recorder = new Recorder()
    fixture.dispatcher.dispatch(target, recorder)
    await vi.waitFor(() => expect(recorder.told.at(-1)).toBe('end'))
    await fixture.allDone(1)
  })

  it('fails with what it throws', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const recorder = new Recorder()
    recorder.onResponseStart = () => {
      throw new Error('not like this')
    }
    fixture.dispatcher.dispatch(target, recorder)
    await vi.waitFor(() => expect(recorder.told).toEqual(['start', 'error not like this']))
    await fixture.allDone(1)
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
