import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ports that systems give to outgoing connections, none of which takes the port while a server restarts, and below those
// of `unsharedPort` of @lb/testing and of the chaos experiments.
const lowestPort = 12_000
const highestPort = 20_000

/** A port of 127.0.0.1 that nobody has is free, for UDP and for TCP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort))
    if (await isFree(port)) return port
  }
}

/** Whether this port of 127.0.0.1 is free, for UDP and for TCP. */
export async function isFree(port: number): Promise<boolean> {
  return (await isFreeForTcp(port)) && (await isFreeForUdp(port))
}

export async function freePorts<const Names extends readonly string[]>(
  ...names: Names
): Promise<Record<Names[number], number>> {
  const ports = new Map<string, number>()
  for (const name of names) {
    let port = await freePort()
    while ([...ports.values()].includes(port)) port = await freePort()
    ports.set(name, port)
  }
  return Object.fromEntries(ports) as Record<Names[number], number>
}

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer()
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
  if (isFree) {
    server.close()
    await once(server, 'close')
  }
  return isFree
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  const isFree = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
  socket.close()
  return isFree
}
