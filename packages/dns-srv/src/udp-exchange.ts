import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { DnsFailure } from './errors.ts'
import { type Exchange, exchanged } from './exchange.ts'

/** After this many ports that are taken the system chooses one. */
const maxPortTries = 8

/**
 * Sends the query from a socket of its own and waits for the answer. Everything that comes from elsewhere, or is not the
 * answer, is ignored: it may be forged, and the true one may still come.
 */
export function exchangeOverUdp(exchange: Exchange): Promise<Buffer> {
  return exchanged(exchange, (resolve, reject) => {
    let close = (): void => {}
    const open = (portTries: number): void => {
      const choosePort = portTries < maxPortTries
      close = openSocket(exchange, choosePort, resolve, (error) => {
        if (choosePort && isPortTaken(error)) open(portTries + 1)
        else reject(new DnsFailure('NETWORK', error.message, { cause: error }))
      })
    }
    open(0)
    return () => close()
  })
}

/** Gives back how the socket is closed. That may be called again. */
function openSocket(
  { server, query, accepts, background }: Exchange,
  choosePort: boolean,
  resolve: (message: Buffer) => void,
  fail: (error: Error) => void,
): () => void {
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
  let closed = false
  const close = (): void => {
    if (!closed) socket.close()
    closed = true
  }
  if (background) socket.unref()
  socket.on('error', (error) => {
    if (closed) return
    close()
    fail(error)
  })
  socket.once('connect', () => {
    if (closed) return
    // As the system writes it. Between bind and connect, datagrams of any sender may have been queued.
    const { address, port } = socket.remoteAddress()
    socket.on('message', (message, sender) => {
      if (sender.port === port && sender.address === address && accepts(message)) resolve(message)
    })
    socket.send(query)
  })
  // `exclusive`: a worker of node:cluster would otherwise share the port with the other workers.
  socket.bind({ port: choosePort ? sourcePort() : 0, exclusive: true }, () => {
    // Connected, the system itself drops what comes from elsewhere, and says when no server listens.
    if (!closed) socket.connect(server.port, server.address)
  })
  return close
}

// From node:crypto and not from the injected `random`: a host that can guess port and id can forge an answer (RFC 5452).
function sourcePort(): number {
  return randomInt(1_024, 65_536)
}

function isPortTaken(error: NodeJS.ErrnoException): boolean {
  return error.syscall === 'bind' && (error.code === 'EADDRINUSE' || error.code === 'EACCES')
}
