import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Agent, type Dispatcher } from 'undici'

/**
 * The least a proxy in Node can do: what comes from the backend goes to the client, with back-pressure and aborts both
 * ways, and nothing else. No fields are checked, added or removed, so it is no proxy to be used.
 */
export function barePipe(turn: () => string): RequestListener {
  const agent = new Agent({ connections: 128 })
  return (request, response) => {
    const { method = 'GET', url: path = '/', headers } = request
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    agent.dispatch(
      {
        origin: turn(),
        path,
        method: method as Dispatcher.HttpMethod,
        headers: ownFields(request),
        body: hasBody ? request : null,
      },
      new PipeHandler(response),
    )
  }
}

/** The fields without those of this connection, which undici refuses. */
function ownFields({ headers }: IncomingMessage): IncomingMessage['headers'] {
  const { connection: _connection, 'keep-alive': _keepAlive, ...fields } = headers
  return fields
}

class PipeHandler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const response = this.#response
    response.on('drain', () => controller.resume())
    response.on('close', () => {
      // Also when it is paused: nobody would resume it.
      if (!response.writableFinished) controller.abort(new Error('the client has gone'))
    })
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number, headers: object): void {
    this.#response.writeHead(statusCode, headers as Record<string, string>)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(): void {
    if (this.#response.headersSent) this.#response.destroy()
    else this.#response.writeHead(502).end()
  }
}
