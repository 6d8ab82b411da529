import { createServer, type Server } from 'node:net'

// Below the ports that systems give to outgoing connections, and to servers that leave the choice to them.
const lowestPort = 24_000
const blocks = 80
/** The first port of a block shows that the block is taken. */
const blockSize = 100

let block: Promise<number> | undefined
let given = 0

/**
 * A free port that no other server gets by chance, also after the one that listens on it has stopped: connections to it are refused then,
 * and a restart finds it free. A port of the system's choice (0) may be given to another server as soon as it is closed, in this process or
 * in another one.
 *
 * Each process takes a block of 99 ports for as long as it lives, and gives them in turn.
 *
 * @param host the address on which the port must be free; default `127.0.0.1`
 * @throws RangeError if none of the block is free
 */
export async function unsharedPort(host = '127.0.0.1'): Promise<number> {
  block ??= takeBlock()
  const first = await block
  for (let tried = 1; tried < blockSize; tried++) {
    given = (given % (blockSize - 1)) + 1
    const port = first + given
    const server = await listening(port, host)
    if (server === undefined) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  throw new RangeError(`no port from ${first + 1} to ${first + blockSize - 1} is free on ${host}`)
}

/** The first port of a block that no other process has; if all are taken, it shares one. */
async function takeBlock(): Promise<number> {
  const start = process.pid % blocks
  for (let index = 0; index < blocks; index++) {
    const first = lowestPort + ((start + index) % blocks) * blockSize
    const server = await listening(first, '127.0.0.1')
    if (server === undefined) continue
    server.unref()
    return first
  }
  return lowestPort + start * blockSize
}

/** `undefined`: the port cannot be had. */
function listening(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host, exclusive: true }, () => resolve(server))
  })
}
