import { createReadStream, statSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { rejectOption } from '@lb/core/authoring'
import { type Recording, readRecording } from '@lb/testing/simulation'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { printable } from './printable.ts'

/** Largest recording that is read, unpacked. */
const maxBytes = 2 ** 30

/** A recording is up to 40 times as large as gzip packs it. What says nothing but the same again, up to 1 032 times: it is no recording. */
const maxRatio = 200

/** So much is unpacked whatever the ratio is, in a fraction of a second. */
const uncheckedBytes = 2 ** 22

/** Reads what `recordTraffic` wrote; a file whose name ends with .gz is unpacked. */
export async function readRecordingFile(path: string, service: string | undefined): Promise<Recording> {
  try {
    return await readRecording(path.endsWith('.gz') ? unpacked(path) : plain(path), { maxBytes, service })
  } catch (cause) {
    const isDamaged = cause instanceof Error && 'option' in cause
    const message = `the file ${printable(path)} ${isDamaged ? `is no recording that can be used` : 'cannot be read'}`
    throw new CommandError(message, exitCodes.usage, { cause })
  }
}

function plain(path: string): AsyncIterable<Uint8Array> {
  const { size } = statSync(path)
  if (size > maxBytes) rejectOption('recording', `of at most ${maxBytes} bytes`, size, 'Record less')
  return createReadStream(path)
}

async function* unpacked(path: string): AsyncGenerator<Uint8Array, undefined, undefined> {
  const gunzip = createGunzip()
  // An error of the file destroys what unpacks it, and so reaches the reader. A reader that stops destroys both.
  pipeline(createReadStream(path), gunzip, () => {})
  let bytes = 0
  for await (const piece of gunzip as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength
    if (bytes > uncheckedBytes && bytes > maxRatio * gunzip.bytesWritten) {
      rejectOption('recording', `at most ${maxRatio} times as large as it is packed`, bytes, 'It is no recording')
    }
    yield piece
  }
}
