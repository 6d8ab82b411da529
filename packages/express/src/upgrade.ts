import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Answer } from './answer.ts'
import { closeWithClient } from './client-end.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import { fieldLine } from './field-line.ts'
import { RequestRefusal } from './request-refusal.ts'
import { type RequestTarget, requestTarget } from './request-target.ts'
import { UnusableAnswer } from './response-headers.ts'
import { hasBody, responseTo } from './unanswered-upgrade.ts'
import type { UpgradeRoute } from './upgrade-offer.ts'

/** How often a connection that says nothing is asked whether the other side is still there, in milliseconds. */
const keepAliveProbeMs = 30_000

/** How one proxy answers upgrades. */
export function upgradeRoute(shared: ExchangeContext): UpgradeRoute {
  const { prefix, upgrades, clock } = shared.settings
  return {
    clock,
    passesOn: (protocol) => upgrades.has(protocol),
    match(request) {
      let target: RequestTarget | undefined
      let refusal: unknown
      try {
        target = requestTarget(request, prefix)
        if (target === undefined) return undefined
        if (request.method !== 'GET' || hasBody(request))
          throw new RequestRefusal(400, 'An upgrade is a GET without a body.')
      } catch (error) {
        refusal = error
      }
      return (socket, head) => {
        const response = responseTo(request)
        const exchange = new Exchange(
          shared,
          target ?? { path: '/', mount: '', authority: undefined },
          request,
          response,
        )
        if (refusal !== undefined) exchange.fail(refusal)
        else
          upgrade(exchange, { protocol: request.headers.upgrade as string, response, socket, head }).catch(() =>
            socket.destroy(),
          )
      }
    },
  }
}

interface Handshake {
  readonly protocol: string
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
}

async function upgrade(exchange: Exchange, { protocol, response, socket, head }: Handshake): Promise<void> {
  const stopWatching = closeWithClient(socket)
  const answer = await exchange.run(protocol)
  stopWatching()
  if (answer?.socket === undefined) return
  let header: string
  try {
    header = switchingProtocols(answer, exchange.answerHeaders(answer), protocol)
  } catch (error) {
    answer.discard()
    exchange.fail(new UnusableAnswer('its header cannot be passed on', { cause: error }))
    return
  }
  response.detachSocket(socket as Socket)
  tunnel(socket, answer.socket, () => answer.ended())
  socket.write(header, 'latin1')
  if (head.length > 0) answer.socket.write(head)
}

/** @throws Error when the header holds what would end it */
function switchingProtocols(answer: Answer, headers: readonly string[], protocol: string): string {
  let header = `HTTP/1.1 ${answer.statusCode} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    header += fieldLine(headers[index] as string, headers[index + 1] as string)
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
