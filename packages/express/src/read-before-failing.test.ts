import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readBeforeFailing } from './read-before-failing.ts'

/** A connection whose writes fail with `code`. */
function failing(code: string): { socket: Socket; said: string[]; ends: () => void } {
  const duplex = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write'), { code })),
  })
  const said: string[] = []
  const socket = readBeforeFailing(duplex as unknown as Socket)
  for (const event of ['end', 'error', 'close']) socket.on(event, () => said.push(event))
  socket.on('data', (chunk: Buffer) => said.push(String(chunk)))
  return { socket, said, ends: () => duplex.push(null) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('readBeforeFailing', () => {
  it.each(['EPIPE', 'ECONNRESET'])('lets what is here be read before a write fails with %s', async (code) => {
    const { socket, said, ends } = failing(code)
    socket.write('request')
    await turn()
    expect(said).toEqual([])
    socket.push('response')
    await turn()
    expect(said).toEqual(['response'])
    ends()
    await turn()
    expect(said).toEqual(['response', 'end', 'error', 'close'])
  })

  it('does not outlast the connection', async () => {
    const { socket, said } = failing('EPIPE')
    let failed = 0
    socket.write('request', () => failed++)
    await turn()
    socket.destroy()
    await turn()
    expect([said, failed]).toEqual([['close'], 1])
  })

  it.each(['ETIMEDOUT', 'EHOSTUNREACH'])('leaves other failures alone: %s', async (code) => {
    const { socket, said } = failing(code)
    socket.write('request')
    await turn()
    expect(said).toEqual(['error', 'close'])
  })
})
