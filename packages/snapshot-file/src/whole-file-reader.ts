import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DiscoveryError } from '@lb/core'

// No link is followed, and a pipe in its place is not waited for.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Which files are read. */
export interface FileLimits {
  readonly maxBytes: number
  /** `true`: whoever may have written it. */
  readonly allowSharedVolume: boolean
}

/**
 * The text of a file; `undefined` when there is none.
 *
 * @throws DiscoveryError when it is no plain file, when another user owns it or every user may write to it, or when it is larger than `maxBytes`
 */
export async function readWhole(path: string, limits: FileLimits): Promise<string | undefined> {
  let file: FileHandle
  try {
    file = await open(path, flags)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (codeOf(error) === 'ELOOP')
      throw new DiscoveryError('it is a link. Links are not followed: remove it', { cause: error })
    throw error
  }
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new DiscoveryError('it is no plain file')
    if (!limits.allowSharedVolume) checkOwner(stats)
    const { maxBytes } = limits
    if (stats.size > maxBytes)
      throw new DiscoveryError(`it has ${stats.size} bytes, the limit is ${maxBytes}. Raise maxBytes`)
    return await readUpTo(file, stats.size)
  } finally {
    await file.close()
  }
}

/** Where there are no user IDs (Windows), the rights of the folder count. */
function checkOwner({ uid, mode }: Stats): void {
  const ownUid = process.geteuid?.()
  if (ownUid === undefined) return
  const remedy =
    'Give the folder to this user alone, or set allowSharedVolume where the volume decides on owner and mode'
  if (uid !== ownUid) throw new DiscoveryError(`user ${uid} owns it, this process runs as user ${ownUid}. ${remedy}`)
  if ((mode & 0o002) !== 0) throw new DiscoveryError(`every user may write to it. ${remedy}`)
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
