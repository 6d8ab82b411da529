import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { closeWithClient } from './client-end.ts'
import { RequestRefusal, UnusableResponse } from './errors.ts'
import { headerLine } from './headers.ts'
import { ProxyCall, type ProxyContext } from './proxy-call.ts'
import { type RequestTarget, requestTarget } from './request-target.ts'
import type { ProxyResponse } from './response.ts'
import { hasBody, responseTo } from './unanswered-upgrade.ts'
import type { UpgradeRoute } from './upgrade-offer.ts'

/** How often a connection that says nothing is asked whether the other side is still there, in milliseconds. */
const keepAliveProbeMs = 30_000

/** How one proxy answers upgrades. */
export function upgradeRoute(shared: ProxyContext): UpgradeRoute {
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
        const call = new ProxyCall(shared, target ?? { path: '/', mount: '', authority: undefined }, request, response)
        if (refusal !== undefined) call.fail(refusal)
        else
          upgrade(call, { protocol: request.headers.upgrade ?? '', response, socket, head }).catch(() =>
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

async function upgrade(call: ProxyCall, { protocol, response, socket, head }: Handshake): Promise<void> {
  const stopWatching = closeWithClient(socket)
  const upstream = await call.run(protocol)
  stopWatching()
  if (upstream?.socket === undefined) return
  let header: string
  try {
    header = switchingProtocols(upstream, call.responseHeaders(upstream), protocol)
  } catch (error) {
    upstream.discard()
    call.fail(new UnusableResponse('its headers cannot be passed on', { cause: error }))
    return
  }
  response.detachSocket(socket as Socket)
  tunnel(socket, upstream.socket)
  socket.write(header, 'latin1')
  if (head.length > 0) upstream.socket.write(head)
}

/** @throws Error when the header holds what would end it */
function switchingProtocols(upstream: ProxyResponse, headers: readonly string[], protocol: string): string {
  let header = `HTTP/1.1 ${upstream.statusCode} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    header += headerLine(headers[index] ?? '', headers[index + 1] ?? '')
  }
  return `${header}\r\n`
}

/** Joins two connections until both are over. */
function tunnel(client: Duplex, instance: Duplex): void {
  const join = (from: Duplex, to: Duplex): void => {
    from.on('error', () => to.destroy())
    from.on('close', () => {
      // What was received is still written; then the other side is closed as well.
      if (from.readableEnded || from.readableAborted !== true) to.end()
      else to.destroy()
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
