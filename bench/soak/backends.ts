// The instances of the soak, in a process of their own: starts one and stops one at each message, and tells its parent which
// there are. Every other one is stopped before anybody was told, as when it crashes.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the parent is told. */
export interface Fleet {
  readonly ports: readonly number[]
  readonly started: number
  readonly stopped: number
}

const size = 6
/** Between the news that an instance is gone, and its end. */
const graceMs = 200
const body = JSON.stringify({ id: 1, name: 'Ada Lovelace' })

const fleet: Server[] = []
let started = 0
let stopped = 0

function start(): Promise<void> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(body)
  })
  server.keepAliveTimeout = 5_000
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      started++
      fleet.push(server)
      resolve()
    })
  })
}

function stop(server: Server): void {
  stopped++
  server.close()
  server.closeAllConnections()
}

function tell(): void {
  const ports = fleet.map((server) => (server.address() as AddressInfo).port)
  process.send?.({ ports, started, stopped } satisfies Fleet)
}

async function change(): Promise<void> {
  await start()
  const gone = fleet.shift() as Server
  if (started % 2 === 0) {
    stop(gone)
    setTimeout(tell, graceMs)
  } else {
    tell()
    setTimeout(() => stop(gone), graceMs)
  }
}

for (let index = 0; index < size; index++) await start()
process.on('message', () => void change())
process.on('disconnect', () => process.exit())
tell()
