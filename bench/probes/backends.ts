// Ten instances with `loadProbe()` in a process of their own: tells its parent their ports, and on request its CPU time and what it got.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { loadProbe } from '@lb/express'

/** What the instances did since they began. */
export interface Usage {
  /** CPU time of the process, in milliseconds. */
  readonly cpuMs: number
  readonly calls: number
  readonly probes: number
}

const [busyMs, waitMs] = process.argv.slice(2).map(Number) as [number, number]
const instances = 10
let calls = 0
let requests = 0

/** CPU time, which other processes on the machine do not stretch. */
function work(): void {
  const { user, system } = process.cpuUsage()
  for (let used = 0; used < busyMs * 1_000; ) {
    const now = process.cpuUsage()
    used = now.user + now.system - user - system
  }
}

function respond(response: ServerResponse): void {
  calls++
  work()
  if (waitMs === 0) response.end('ok')
  else setTimeout(() => response.end('ok'), waitMs)
}

function instance(): Server {
  const probe = loadProbe()
  return createServer((request, response) => {
    requests++
    probe(request, response, () => respond(response))
  })
}

const ports = await Promise.all(
  Array.from({ length: instances }, instance).map(
    (server) =>
      new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
      }),
  ),
)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuMs: (user + system) / 1_000, calls, probes: requests - calls } satisfies Usage)
})
process.on('disconnect', () => process.exit())
process.send?.(ports)
