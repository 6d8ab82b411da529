// Servers of gRPC in a process of their own: servers.ts COUNT. Says the ports to its parent, and is told latencies and ends.
import * as grpc from '@grpc/grpc-js'
import { path } from './method.ts'

const count = Number(process.argv[2] ?? 1)
const bytes = (value: Buffer): Buffer => value
const reply = Buffer.from('hello')
const latencies = new Map<number, number>()
const servers: grpc.Server[] = []

async function start(index: number): Promise<number> {
  const server = new grpc.Server()
  const definition = { path, requestStream: false as const, responseStream: false as const }
  server.addService(
    {
      say: {
        ...definition,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    {
      say: (_call: unknown, callback: grpc.sendUnaryData<Buffer>) => {
        const latencyMs = latencies.get(index) ?? 0
        if (latencyMs === 0) callback(null, reply)
        else setTimeout(() => callback(null, reply), latencyMs)
      },
    },
  )
  servers.push(server)
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

/** What the parent asks for. */
export interface ServersMessage {
  /** Milliseconds that each server takes. */
  readonly latenciesMs?: readonly number[]
  /** The index of a server that ends at once. */
  readonly kill?: number
}

const ports: number[] = []
for (let index = 0; index < count; index++) ports.push(await start(index))
process.send?.({ ports })
process.on('message', ({ latenciesMs, kill }: ServersMessage) => {
  for (const [index, latencyMs] of (latenciesMs ?? []).entries()) latencies.set(index, latencyMs)
  if (kill !== undefined) servers[kill]?.forceShutdown()
  process.send?.({})
})
process.on('disconnect', () => process.exit())
