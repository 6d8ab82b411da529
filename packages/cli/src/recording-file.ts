import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Recording, readRecording } from '@lb/testing/simulation'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'
import { printable } from './printable.ts'

/** Largest recording that is read, unpacked. */
const maxBytes = 2 ** 30

/** Reads what `recordTraffic` wrote; a file whose name ends with .gz is unpacked. */
export async function readRecordingFile(path: string, service: string | undefined): Promise<Recording> {
  const file = createReadStream(path)
  // An error of the file destroys what unpacks it, and so reaches the reader.
  const text = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => {}) : file
  try {
    return await readRecording(text, { maxBytes, service })
  } catch (cause) {
    const isDamaged = cause instanceof Error && 'option' in cause
    const message = `the file ${printable(path)} ${isDamaged ? `is no recording that can be used` : 'cannot be read'}`
    throw new CommandError(message, exitCodes.usage, { cause })
  } finally {
    file.destroy()
  }
}
