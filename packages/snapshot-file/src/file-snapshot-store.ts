import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DiscoveryError, type ServiceInstance, type SnapshotStore, type StoredSnapshot } from '@lb/core'
import { checkBoolean, checkFunction, checkInteger, checkKeys, messageOf, rejectOption } from '@lb/core/authoring'
import { fileNameOf } from './file-name.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { formatSnapshot, parseSnapshot } from './snapshot-text.ts'
import { type FileLimits, readWhole } from './whole-file-reader.ts'
import { removeUnfinished, replaceFile } from './whole-file-writer.ts'

/** Options of `FileSnapshotStore`. */
export interface FileSnapshotStoreOptions {
  /** The folder of the files, one for each service. Made when it is missing, for this user alone. */
  readonly directory: string
  /** Larger files are neither written nor read: bytes in [1 024, 1 073 741 824], default 16 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * `true`: a file counts although another user owns it, or every user may write to it. For volumes that give every file the same owner and mode, such as
   * CIFS and Azure Files. Whoever may write to the volume then decides where the requests go when the registry is down.
   * @default false
   */
  readonly allowSharedVolume?: boolean | undefined
  /** Milliseconds since 1970: ages are kept across processes. @default the system's time, as it was when this process started */
  readonly wallClock?: (() => number) | undefined
}

const defaults = Object.freeze({ maxBytes: 16 * 1_024 * 1_024 })

/**
 * Keeps the last list of each service in a file, for the `snapshots` of a `CompositeDiscovery`.
 *
 *     new CompositeDiscovery([consul], { snapshots: new FileSnapshotStore({ directory: '/var/lib/my-app/instances' }) })
 *
 * A file is always whole: a process that dies while it writes leaves the one before. Several processes may share a folder.
 */
export class FileSnapshotStore implements SnapshotStore {
  readonly #directory: string
  readonly #limits: FileLimits
  readonly #wallClock: () => number
  /** One service after the other: a thousand of them would open a thousand files at once. */
  readonly #queue = new OneAtATime()
  #tidied = false

  /** @throws InvalidOptionError */
  constructor(options: FileSnapshotStoreOptions) {
    const path = 'FileSnapshotStore'
    checkKeys(path, options, ['directory', 'maxBytes', 'allowSharedVolume', 'wallClock'])
    const { directory, maxBytes = defaults.maxBytes, allowSharedVolume = false, wallClock = systemWallClock } = options
    if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
      rejectOption(`${path}.directory`, 'the path of a folder', directory)
    }
    checkInteger(`${path}.maxBytes`, maxBytes, 1_024, 1_073_741_824)
    checkBoolean(`${path}.allowSharedVolume`, allowSharedVolume)
    checkFunction(`${path}.wallClock`, wallClock)
    // A later change of the working directory is not to move the files.
    this.#directory = resolve(directory)
    this.#limits = { maxBytes, allowSharedVolume }
    this.#wallClock = wallClock
  }

  /** @throws DiscoveryError when there is a file, but none that can be used; the reason of `signal` when that is aborted */
  load(
    service: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StoredSnapshot | undefined> {
    return this.#queue.run(async () => {
      signal?.throwIfAborted()
      const path = this.#pathOf(service)
      try {
        const text = await readWhole(path, this.#limits)
        if (text === undefined) return undefined
        const { savedAtMs, instances } = parseSnapshot(service, text)
        return { instances, ageMs: this.#wallClock() - savedAtMs }
      } catch (cause) {
        throw fileError(service, path, 'cannot be used', cause)
      }
    })
  }

  /** @throws DiscoveryError when it could not be written; the file before is still there. The reason of `signal` */
  save(
    service: string,
    instances: readonly ServiceInstance[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return this.#queue.run(async () => {
      signal?.throwIfAborted()
      const path = this.#pathOf(service)
      try {
        const bytes = Buffer.from(formatSnapshot(service, this.#wallClock(), instances))
        const { maxBytes } = this.#limits
        if (bytes.length > maxBytes) {
          throw new DiscoveryError(`it would have ${bytes.length} bytes, the limit is ${maxBytes}. Raise maxBytes`)
        }
        await replaceFile(path, bytes)
        await this.#tidy()
      } catch (cause) {
        throw fileError(service, path, 'could not be written', cause)
      }
    })
  }

  #pathOf(service: string): string {
    return join(this.#directory, fileNameOf(service))
  }

  /** Once: what processes that died left behind. */
  async #tidy(): Promise<void> {
    if (this.#tidied) return
    this.#tidied = true
    await removeUnfinished(this.#directory, this.#wallClock())
  }
}

// It does not follow later corrections of the system's time, but lists are loaded when a process starts.
function systemWallClock(): number {
  return performance.timeOrigin + performance.now()
}

function fileError(service: string, path: string, what: string, cause: unknown): DiscoveryError {
  return new DiscoveryError(`${service}: the snapshot ${path} ${what}: ${messageOf(cause)}`, { service, cause })
}
