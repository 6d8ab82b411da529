import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { DnsSrvDiscovery } from '@lb/dns-srv'
import { encode, RECURSION_DESIRED } from 'dns-packet'
import type { NameServerProcess } from './name-server-process.ts'

/** What lookups cost the client, round by round. */
export interface LookupCost {
  readonly name: string
  readonly cpuUs: readonly number[]
}

export const lookupFloor = 'floor: datagram there and back'
export const lookupPeer = 'node:dns resolveSrv, and resolve4 of the target'

const service = 'looked-up'
const name = `_http._tcp.${service}.bench.test`
const lookups = 1_000
const atOnce = 50

/** Lookups of 10 instances on one host, by several ways in turn. */
export async function measureLookups(server: NameServerProcess, rounds: number): Promise<LookupCost[]> {
  const ports = Array.from({ length: 10 }, (_, index) => 8_000 + index)
  await server.serve({ name, ttlSeconds: 30, cached: false, ports })
  const discovery = new DnsSrvDiscovery({ name: '_http._tcp.{service}.bench.test.', servers: [server.address] })
  const resolver = new Resolver()
  resolver.setServers([server.address])
  const bare = bareExchange(server.address)
  const ways: { name: string; look: () => Promise<unknown>; cpuUs: number[] }[] = [
    { name: lookupFloor, look: bare.ask, cpuUs: [] },
    {
      name: lookupPeer,
      look: async () => {
        const [record] = await resolver.resolveSrv(name)
        // The server has no such record of its own: its answer is empty, which costs the client the least.
        return resolver.resolve4(String(record?.name)).catch(() => [])
      },
      cpuUs: [],
    },
    { name: 'DnsSrvDiscovery.getInstances', look: () => discovery.getInstances(service), cpuUs: [] },
  ]
  for (let round = -1; round < rounds; round++) {
    for (const { look, cpuUs } of ways) {
      const before = process.cpuUsage()
      await inTurn(look)
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) cpuUs.push((user + system) / lookups)
    }
  }
  bare.close()
  await discovery.close()
  return ways.map((way) => ({ name: way.name, cpuUs: way.cpuUs }))
}

async function inTurn(look: () => Promise<unknown>): Promise<void> {
  let left = lookups
  const worker = async (): Promise<void> => {
    while (left-- > 0) await look()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Sends the question as bytes that are ready, and does not look at the answer. */
function bareExchange(address: string): { ask: () => Promise<void>; close: () => void } {
  const [host, port] = address.split(':')
  const socket = createSocket('udp4')
  const waiting: (() => void)[] = []
  const bytes = encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ type: 'SRV', name }] })
  socket.on('message', () => waiting.shift()?.())
  return {
    ask: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        socket.send(bytes, Number(port), host)
      }),
    close: () => socket.close(),
  }
}
