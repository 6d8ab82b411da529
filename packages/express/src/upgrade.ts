import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer } from './answer.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import { RequestRefusal } from './request-refusal.ts'
import { type RequestTarget, requestTarget } from './request-target.ts'
import { UnusableAnswer } from './response-headers.ts'

/** How often a connection that says nothing is asked whether the other side is still there, in milliseconds. */
const keepAliveProbeMs = 30_000

/** A listener for a server's `upgrade` event. */
export function upgradeHandler(
  shared: ExchangeContext,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    // Without a listener an error of the connection would end the process.
    socket.on('error', () => socket.destroy())
    let target: RequestTarget | undefined
    let refusal: unknown
    try {
      target = requestTarget(request, shared.settings.prefix)
    } catch (error) {
      refusal = error
    }
    if (target === undefined && hasOtherListeners(request)) return
    const response = responseOn(socket, request)
    const exchange = new Exchange(shared, target ?? { path: '/', authority: undefined }, request, response)
    try {
      if (refusal !== undefined) throw refusal
      if (target === undefined) throw new RequestRefusal(404, 'There is nothing at this path.')
      void upgrade(exchange, { protocol: wantedProtocol(request, shared), response, socket, head })
    } catch (error) {
      exchange.fail(error)
    }
  }
}

interface Handshake {
  readonly protocol: string
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
}

async function upgrade(exchange: Exchange, { protocol, response, socket, head }: Handshake): Promise<void> {
  const answer = await exchange.run(protocol)
  if (answer?.socket === undefined) return
  let header: string
  try {
    header = switchingProtocols(answer, exchange.answerHeaders(answer), protocol)
  } catch (error) {
    answer.discard()
    exchange.fail(error)
    return
  }
  response.detachSocket(socket as Socket)
  tunnel(socket, answer.socket, () => answer.ended())
  socket.write(header, 'latin1')
  if (head.length > 0) answer.socket.write(head)
}

/** A response on a connection whose parser is gone: for an answer that is no upgrade. */
function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.on('finish', () => {
    response.detachSocket(socket as Socket)
    ;(socket as Socket).destroySoon()
  })
  return response
}

/** Another listener may take the path that is not this one's, and says so itself when it is malformed. */
function hasOtherListeners(request: IncomingMessage): boolean {
  const { server } = request.socket as { server?: { listenerCount(event: string): number } }
  return (server?.listenerCount('upgrade') ?? 0) > 1
}

/** @throws RequestRefusal */
function wantedProtocol({ method, headers }: IncomingMessage, { settings }: ExchangeContext): string {
  const protocol = headers.upgrade ?? ''
  if (!settings.upgrades.has(protocol.toLowerCase())) {
    throw new RequestRefusal(501, 'The upgrade is not supported.')
  }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
  if (method !== 'GET' || hasBody) throw new RequestRefusal(400, 'An upgrade is a GET without a body.')
  return protocol
}

/** @throws UnusableAnswer when the header holds what would end it, or an agreement to something else */
function switchingProtocols(answer: Answer, headers: readonly string[], protocol: string): string {
  let header = `HTTP/1.1 ${answer.statusCode} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string
    const value = headers[index + 1] as string
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new UnusableAnswer('its header cannot be passed on')
    }
    header += `${name}: ${value}\r\n`
  }
  return `${header}\r\n`
}

/** Joins two connections until both are over. */
function tunnel(client: Duplex, instance: Duplex, onEnd: () => void): void {
  let open = 2
  const join = (from: Duplex, to: Duplex): void => {
    from.on('error', () => to.destroy())
    from.on('close', () => {
      // What was received is still written; then the other side is closed as well.
      if (from.readableEnded || from.readableAborted !== true) to.end()
      else to.destroy()
      open--
      if (open === 0) onEnd()
    })
    from.pipe(to)
  }
  for (const each of [client, instance] as Socket[]) {
    each.setTimeout?.(0)
    each.setNoDelay?.(true)
    each.setKeepAlive?.(true, keepAliveProbeMs)
  }
  join(client, instance)
  join(instance, client)
}
