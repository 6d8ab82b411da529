import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DiscoveryError } from '@lb/core'

// No link is followed, and a pipe in its place is not waited for.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * The text of a file; `undefined` when there is none.
 *
 * @throws DiscoveryError when it is no plain file, when every user may write to it, or when it is larger than `maxBytes`
 */
export async function readWhole(path: string, maxBytes: number): Promise<string | undefined> {
  let file: FileHandle
  try {
    file = await open(path, flags)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (codeOf(error) === 'ELOOP') throw new DiscoveryError('it is a link', { cause: error })
    throw error
  }
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new DiscoveryError('it is no plain file')
    // Windows has other means, and says 666 of every file.
    if (process.platform !== 'win32' && (stats.mode & 0o002) !== 0)
      throw new DiscoveryError('every user may write to it')
    if (stats.size > maxBytes) throw new DiscoveryError(`it has ${stats.size} bytes, the limit is ${maxBytes}`)
    return await readUpTo(file, stats.size)
  } finally {
    await file.close()
  }
}

/** It may grow meanwhile: what was not there when its size was looked at is not read. */
async function readUpTo(file: FileHandle, size: number): Promise<string> {
  const buffer = Buffer.alloc(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(buffer, length, size - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
