import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'
import { onTestFinished } from 'vitest'

const nameError = 3

/** A DNS server that knows these SRV records: ports of this machine by name. Gives its address. */
export async function startNameServer(ports: Readonly<Record<string, readonly number[]>>): Promise<string> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { id = 0, questions = [] } = decode(query)
    const name = questions[0]?.name ?? ''
    const known = ports[name.toLowerCase()]
    const answer = encode({
      type: 'response',
      id,
      flags: AUTHORITATIVE_ANSWER | (known === undefined ? nameError : 0),
      questions,
      answers: (known ?? []).map((each) => ({
        type: 'SRV',
        name,
        ttl: 5,
        data: { port: each, weight: 1, priority: 0, target: 'host.example.test' },
      })),
      additionals: [{ type: 'A', name: 'host.example.test', ttl: 5, data: '127.0.0.1' }],
    })
    socket.send(answer, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => {
    socket.close()
  })
  return `127.0.0.1:${socket.address().port}`
}
