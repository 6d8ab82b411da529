import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type experimental, Metadata } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { type CallListener, ReleasedListener, withListeners } from './call-listener.ts'
import { HeldResponse } from './held-response.ts'

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** A listener as grpc-js has one, that notes what it hears. */
class Recorder implements CallListener {
  readonly heard: string[]

  constructor(heard: string[]) {
    this.heard = heard
  }

  onReceiveMetadata(): void {
    this.heard.push('head')
  }

  onReceiveMessage(message: unknown): void {
    this.heard.push(`message ${String(message)}`)
  }

  onReceiveStatus({ code }: { readonly code: number }): void {
    this.heard.push(`status ${code}`)
  }
}

/** A call on a subchannel for picks. `streamListener`: what the subchannel, and with it the stream, is given as its listener. */
function started(
  listenerOf: (listener: CallListener) => CallListener,
  listener: CallListener,
): { streamListener: CallListener } {
  let streamListener: CallListener | undefined
  const createCall = (_metadata: unknown, _host: string, _method: string, given: CallListener): void => {
    streamListener = given
  }
  const subchannel: Pick<experimental.SubchannelInterface, 'getRealSubchannel'> = {
    getRealSubchannel: () => ({ createCall }) as never,
  }
  const picked = withListeners(subchannel as experimental.SubchannelInterface, listenerOf)
  picked.getRealSubchannel().createCall(new Metadata(), 'users', '/users.v1.Users/GetUser', listener, 1)
  if (streamListener === undefined) throw new Error('no call')
  return { streamListener }
}

const status = { code: 0, details: '', metadata: new Metadata() }

describe.each([
  ['a call', (listener: CallListener): CallListener => new ReleasedListener(listener)],
  ['a call that may be repeated', (listener: CallListener): CallListener => new HeldResponse(listener)],
])('the listener of %s', (_name, listenerOf) => {
  it('hears everything until the status, and nothing after it', () => {
    const heard: string[] = []
    const { streamListener } = started(listenerOf, new Recorder(heard))
    streamListener.onReceiveMetadata(new Metadata())
    streamListener.onReceiveMessage('hello' as never)
    streamListener.onReceiveStatus(status)
    expect(heard).toEqual(['head', 'message hello', 'status 0'])
    streamListener.onReceiveMetadata(new Metadata())
    streamListener.onReceiveMessage('late' as never)
    streamListener.onReceiveStatus(status)
    expect(heard).toHaveLength(3)
  })

  it('is not kept by the stream once the call has its status', async () => {
    const start = (): { streamListener: CallListener; listener: WeakRef<CallListener> } => {
      const listener = new Recorder([])
      return { ...started(listenerOf, listener), listener: new WeakRef(listener) }
    }
    const { streamListener, listener } = start()
    streamListener.onReceiveMetadata(new Metadata())
    // A WeakRef holds what it refers to until the turn of the event loop has ended.
    await new Promise(setImmediate)
    collectGarbage()
    expect(listener.deref()).toBeInstanceOf(Recorder)
    streamListener.onReceiveStatus(status)
    await new Promise(setImmediate)
    collectGarbage()
    expect(listener.deref()).toBeUndefined()
  })
})
