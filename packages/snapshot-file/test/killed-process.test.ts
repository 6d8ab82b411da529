import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseInstance } from '@lb/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isUnfinishedName } from '../src/file-name.ts'
import { FileSnapshotStore } from '../src/index.ts'
import { useFolder } from './folder.ts'

const folder = useFolder()
const program = fileURLToPath(new URL('./saving-process.ts', import.meta.url))
const children = new Set<ChildProcess>()

afterEach(async () => {
  await Promise.all([...children].map(kill))
})

/** A process that saves without end; it has saved once. */
async function startSaving(writer: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--no-warnings', program, folder.path, writer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the process ended')))
  await Promise.race([once(child.stdout as NonNullable<typeof child.stdout>, 'data'), ended])
  ended.catch(() => {})
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The list in the file, which is all of one list. */
async function expectWhole(): Promise<{ number: string; writer: string }> {
  const snapshot = await new FileSnapshotStore({ directory: folder.path }).load('users')
  const instances = (snapshot?.instances ?? []).map(parseInstance)
  const [first] = instances
  expect(instances).toHaveLength(Number(first?.metadata.size))
  for (const { metadata } of instances) expect(metadata).toEqual(first?.metadata)
  return { number: first?.metadata.number ?? '', writer: first?.metadata.writer ?? '' }
}

describe('the file', { timeout: 60_000 }, () => {
  it('is whole after processes were killed in the middle of writes', async () => {
    let unfinished = 0
    for (let round = 0; round < 10; round++) {
      const child = await startSaving(String(round))
      await vi.waitFor(() => expect(folder.files().some(isUnfinishedName)).toBe(true), { interval: 1 })
      await kill(child)
      expect((await expectWhole()).writer).toBe(String(round))
      for (const name of folder.files().filter(isUnfinishedName)) {
        unfinished++
        rmSync(join(folder.path, name))
      }
    }
    // Killed between two writes, it leaves nothing; not every time.
    expect(unfinished).toBeGreaterThan(0)
  })

  it('is whole at every moment while two processes write it', async () => {
    const writers = await Promise.all([startSaving('left'), startSaving('right')])
    const seen = new Set<string>()
    while (seen.size < 2) seen.add((await expectWhole()).writer)
    for (let read = 0; read < 50; read++) await expectWhole()
    await Promise.all(writers.map(kill))
  })
})
