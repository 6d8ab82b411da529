import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '@lb/core'
import { closeWithClient } from './client-end.ts'
import { RequestRefusal, UnusableResponse } from './errors.ts'
import { headerLine } from './headers.ts'
import { ProxyCall, type ProxyContext } from './proxy-call.ts'
import { type RequestTarget, requestTarget } from './request-target.ts'
import type { ProxyResponse } from './response.ts'
import { Tunnel } from './tunnel.ts'
import { Tunnels } from './tunnels.ts'
import { hasBody, responseTo } from './unanswered-upgrade.ts'
import type { UpgradeRoute } from './upgrade-offer.ts'

/** How one proxy answers upgrades. */
export function upgradeRoute(shared: ProxyContext): UpgradeRoute {
  const { prefix, upgrades, clock, idleTimeoutMs } = shared.settings
  let tunnels: Tunnels | undefined
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
        else {
          // Before the request is sent: the instance may leave meanwhile.
          tunnels ??= new Tunnels(shared.lb, shared.settings)
          const protocol = request.headers.upgrade ?? ''
          upgrade(call, { protocol, response, socket, head, tunnels, clock, idleTimeoutMs }).catch(() =>
            socket.destroy(),
          )
        }
      }
    },
  }
}

interface Handshake {
  readonly protocol: string
  readonly response: ServerResponse
  readonly socket: Duplex
  readonly head: Buffer
  readonly tunnels: Tunnels
  readonly clock: Clock
  readonly idleTimeoutMs: number
}

async function upgrade(call: ProxyCall, handshake: Handshake): Promise<void> {
  const { protocol, response, socket, head, tunnels, clock, idleTimeoutMs } = handshake
  const stopWatching = closeWithClient(socket)
  const upstream = await call.run(protocol)
  stopWatching()
  if (upstream?.socket === undefined) return
  if (socket.destroyed) {
    upstream.discard()
    return
  }
  let header: string
  try {
    header = switchingProtocols(upstream, call.responseHeaders(upstream), protocol)
  } catch (error) {
    upstream.discard()
    call.fail(new UnusableResponse('its headers cannot be passed on', { cause: error }))
    return
  }
  response.detachSocket(socket as Socket)
  const isWebSocket = protocol.toLowerCase() === 'websocket'
  const tunnel = new Tunnel({ client: socket, instance: upstream.socket, isWebSocket, clock, idleTimeoutMs })
  socket.write(header, 'latin1')
  if (head.length > 0) upstream.socket.write(head)
  tunnels.add(upstream.instance, tunnel)
}

/** @throws Error when the header holds what would end it, or names another protocol than the client did */
function switchingProtocols(upstream: ProxyResponse, headers: readonly string[], protocol: string): string {
  const { upgrade } = upstream.headers
  if (upgrade !== undefined && upgrade.toLowerCase() !== protocol.toLowerCase()) {
    throw new TypeError('the instance switched to another protocol')
  }
  let header = `HTTP/1.1 ${upstream.statusCode} Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`
  for (let index = 0; index < headers.length; index += 2) {
    header += headerLine(headers[index] ?? '', headers[index + 1] ?? '')
  }
  return `${header}\r\n`
}
