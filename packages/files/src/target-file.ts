import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DiscoveryError } from '@lb/core'
import { parseTargetGroups, type TargetGroups } from './target-groups.ts'

interface Known {
  /** Which file it was, and when it was written. */
  readonly mark: string
  readonly groups: TargetGroups
  /** Read once more after it was found changed: two writes within one tick of the file system look like one. */
  readonly isSettled: boolean
}

// A pipe in its place is not waited for.
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** A file with groups of targets. It is read when it is another one, or was written anew; links are followed each time. */
export class TargetFile {
  readonly path: string
  readonly #maxBytes: number
  #known: Known | undefined
  #reading: Promise<TargetGroups | undefined> | undefined

  constructor(path: string, maxBytes: number) {
    this.path = path
    this.#maxBytes = maxBytes
  }

  /** The groups: the same array as long as the file stays as it is. `undefined`: there is no such file. @throws DiscoveryError */
  read(): Promise<TargetGroups | undefined> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #read(): Promise<TargetGroups | undefined> {
    const file = await this.#open()
    if (file === undefined) return undefined
    try {
      const stats = await file.stat({ bigint: true })
      const mark = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join()
      const known = this.#known
      if (known?.mark === mark && known.isSettled) return known.groups
      const groups = await this.#parse(file, stats)
      const isSame = known?.mark === mark && JSON.stringify(known.groups) === JSON.stringify(groups)
      this.#known = { mark, groups: isSame ? known.groups : groups, isSettled: isSame }
      return this.#known.groups
    } finally {
      await file.close()
    }
  }

  async #open(): Promise<FileHandle | undefined> {
    try {
      return await open(this.path, flags)
    } catch (cause) {
      const { code = 'unreadable' } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') return undefined
      throw new DiscoveryError(`${this.path} cannot be read (${code}). Look at its permissions`, { cause })
    }
  }

  async #parse(file: FileHandle, stats: BigIntStats): Promise<TargetGroups> {
    if (!stats.isFile()) throw new DiscoveryError(`${this.path} is no plain file. Give the path of a file`)
    const size = Number(stats.size)
    if (size > this.#maxBytes) {
      throw new DiscoveryError(
        `${this.path} has ${size} bytes, the limit is ${this.#maxBytes}. Raise maxBytes, or divide the file`,
      )
    }
    // Not more than that, although it may grow meanwhile.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0)
    return parseTargetGroups(this.path, new TextDecoder().decode(buffer.subarray(0, bytesRead)))
  }
}
