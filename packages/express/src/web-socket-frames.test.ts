import { seededRandom } from '@lb/testing'
import { describe, expect, it } from 'vitest'
import { WebSocketFrames } from './web-socket-frames.ts'

/** A frame with a payload of `length` bytes, which are themselves the beginning of a close frame. */
function frame(opcode: number, length: number, masked = false): Buffer {
  const extended = length < 126 ? Buffer.alloc(0) : Buffer.alloc(length < 65_536 ? 2 : 8)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = length < 126 ? length : extended.length === 2 ? 126 : 127
  const mask = Buffer.alloc(masked ? 4 : 0, 0x88)
  return Buffer.concat([
    Buffer.from([0x80 | opcode, masked ? 0x80 | short : short]),
    extended,
    mask,
    Buffer.alloc(length, 0x88),
  ])
}

describe('the frames of a WebSocket', () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 70_000])(
    'end after a payload of %i bytes, however they are cut',
    (length) => {
      for (const masked of [false, true]) {
        const bytes = frame(2, length, masked)
        const random = seededRandom(length + 1)
        for (let round = 0; round < 20; round++) {
          const frames = new WebSocketFrames()
          for (let at = 0; at < bytes.length; ) {
            const end = Math.min(bytes.length, at + 1 + Math.floor(random() * (round < 10 ? 7 : length + 20)))
            frames.read(bytes.subarray(at, end))
            at = end
            expect(frames.isBetween).toBe(at === bytes.length)
            if (length > 1_000) break
          }
          expect(frames.hasClosed).toBe(false)
        }
        const frames = new WebSocketFrames()
        frames.read(bytes.subarray(0, bytes.length - 1))
        expect(frames.isBetween).toBe(false)
        expect(frames.readToEnd(Buffer.concat([bytes.subarray(-1), frame(1, 300)]))).toBe(1)
        expect(frames.isBetween).toBe(true)
      }
    },
  )

  it('are between two at the beginning, and end where several in one chunk end', () => {
    const frames = new WebSocketFrames()
    expect(frames.isBetween).toBe(true)
    expect(frames.readToEnd(frame(1, 3))).toBe(0)
    frames.read(Buffer.concat([frame(1, 3), frame(9, 0), frame(2, 400)]))
    expect(frames.isBetween).toBe(true)
    frames.read(frame(1, 3).subarray(0, 1))
    expect(frames.readToEnd(frame(1, 3).subarray(1))).toBe(4)
  })

  it('say that they are over with a close frame', () => {
    const frames = new WebSocketFrames()
    frames.read(frame(9, 8))
    expect(frames.hasClosed).toBe(false)
    frames.read(frame(8, 2))
    expect(frames.hasClosed).toBe(true)
  })
})
