import { describe, expect, it, vi } from 'vitest'
import { drainLimit, HeldResponse, heldLimit } from './held-response.ts'
import type { ResponseSink } from './response-sink.ts'

/** A response whose transport is played by the test. */
class Played extends HeldResponse<string> {
  contentLength = Number.NaN
  readonly asked: string[] = []

  override end(trailers = ''): void {
    super.end(trailers)
  }

  override onData(text: Buffer | string): boolean {
    return super.onData(Buffer.from(text))
  }

  override decide(): void {
    super.decide()
  }

  override failed(error: Error): void {
    super.failed(error)
  }

  override begin(): void {
    super.begin()
  }

  protected override completed(): void {
    this.asked.push('completed')
  }

  protected override blames(): boolean {
    return true
  }

  protected override abortTransport({ message }: Error): void {
    this.asked.push(`abort: ${message}`)
  }

  protected override pauseTransport(): void {
    this.asked.push('pause')
  }

  protected override resumeTransport(): void {
    this.asked.push('resume')
  }
}

/** Writes down what it gets; takes no more after a part that says so. */
class Sink implements ResponseSink<string> {
  readonly got: string[] = []

  begin(isHere: boolean): void {
    this.got.push(isHere ? 'begin, here' : 'begin')
  }

  write(chunk: Buffer): boolean {
    this.got.push(String(chunk))
    return !String(chunk).endsWith('stop')
  }

  end(trailers: string): void {
    this.got.push(`end ${trailers}`)
  }

  fail({ message }: Error): void {
    this.got.push(`fail ${message}`)
  }
}

function started(): { response: Played; sink: Sink; settled: Promise<unknown> } {
  const response = new Played()
  const settled = response.started(() => response.begin()).catch((error: Error) => error.message)
  return { response, sink: new Sink(), settled }
}

describe('a held response', () => {
  it('keeps its body until it is passed on, and what follows goes straight through', () => {
    const { response, sink } = started()
    expect(response.onData('a')).toBe(true)
    response.passTo(sink)
    response.onData('b')
    response.end('t')
    expect(sink.got).toEqual(['begin, here', 'a', 'b', 'end t'])
    expect(response.isComplete).toBe(true)
  })

  it('asks the transport to wait beyond the limit of what is held', () => {
    const { response } = started()
    expect(response.onData(Buffer.alloc(heldLimit))).toBe(true)
    expect(response.onData('x')).toBe(false)
  })

  it('waits for its sink, also with what was held, and with its end', () => {
    const { response, sink } = started()
    for (const part of ['a stop', 'b stop', 'c']) response.onData(part)
    response.end('t')
    response.passTo(sink)
    expect(sink.got).toEqual(['begin, here', 'a stop'])
    response.resume()
    expect(sink.got.at(-1)).toBe('b stop')
    response.resume()
    expect(sink.got.slice(-2)).toEqual(['c', 'end t'])
  })

  it('lets a sink that is complete in one part take it at once', () => {
    const { response, sink } = started()
    response.onData('all')
    response.end('t')
    response.passTo(
      Object.assign(sink, { endWith: (chunk: Buffer, t: string) => sink.got.push(`with ${String(chunk)} ${t}`) }),
    )
    expect(sink.got).toEqual(['with all t'])
  })

  it('that broke off while it was held says so after what it has', () => {
    const { response, sink } = started()
    response.onData('a')
    response.failed(new Error('reset'))
    response.passTo(sink)
    expect(sink.got).toEqual(['begin, here', 'a', 'fail reset'])
  })

  it('that was aborted before the request went out ends the request as soon as it does', async () => {
    const { response, settled } = started()
    response.abort(new Error('too late'))
    response.begin()
    expect(response.asked).toEqual(['abort: too late', 'abort: too late'])
    expect(await settled).toBe('too late')
  })

  it('that is not wanted is read on, but not for long', () => {
    const { response, sink } = started()
    response.onData('a')
    response.discard()
    expect(response.asked).toEqual(['resume'])
    expect(response.onData(Buffer.alloc(drainLimit))).toBe(true)
    expect(response.asked).toEqual(['resume'])
    response.onData('x')
    expect(response.asked.at(-1)).toMatch(/^abort: .*not wanted/)
    response.passTo(sink)
    expect(sink.got).toEqual([])
  })

  it('that is not wanted, and known to be long, ends at once', () => {
    const { response } = started()
    response.contentLength = drainLimit + 1
    response.discard()
    expect(response.asked).toEqual([expect.stringMatching(/^abort: /)])
  })

  it('is in flight until its end, and to blame for breaking off while it is passed on', async () => {
    for (const ends of [true, false]) {
      const { response, sink } = started()
      const until = vi.fn<(end: Promise<void>) => void>()
      response.keepInFlight({ until } as never)
      response.keepInFlight({ until } as never)
      expect(until).toHaveBeenCalledTimes(1)
      response.passTo(sink)
      if (ends) response.end()
      else response.failed(new Error('reset'))
      const ended = until.mock.calls[0]?.[0]
      if (ends) await expect(ended).resolves.toBeUndefined()
      else await expect(ended).rejects.toThrow('reset')
    }
  })
})
