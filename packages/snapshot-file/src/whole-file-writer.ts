import { randomUUID } from 'node:crypto'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isUnfinishedName, unfinishedName } from './file-name.ts'

/** A write takes milliseconds: what is that old belongs to a process that died. */
const abandonedAfterMs = 3_600_000

/**
 * Puts `bytes` in the place of the file, all or nothing: they are written beside it, forced to the disk and renamed. Of several
 * writers the last one counts. Only this user can read it.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const directory = dirname(path)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const unfinished = join(directory, unfinishedName(basename(path), randomUUID()))
  try {
    // `wx`: a link in its place is not followed.
    await withFile(unfinished, 'wx', async (file) => {
      await file.writeFile(bytes)
      // Otherwise the new name could survive a power failure, and what it names not.
      await file.sync()
    })
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {})
    throw error
  }
  await syncDirectory(directory)
}

/** Removes what dead processes were writing. */
export async function removeUnfinished(directory: string, nowMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!isUnfinishedName(name)) continue
    const path = join(directory, name)
    // Another process may have been quicker.
    const stats = await lstat(path).catch(() => undefined)
    if (stats !== undefined && nowMs - stats.mtimeMs > abandonedAfterMs) await rm(path, { force: true }).catch(() => {})
  }
}

/** So that the rename survives a power failure. Not every system lets a folder be opened. */
async function syncDirectory(directory: string): Promise<void> {
  await withFile(directory, 'r', (file) => file.sync()).catch(() => {})
}

async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
