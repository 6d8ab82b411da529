import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FileDiscovery, type FileDiscoveryOptions } from '../src/index.ts'
import { ConfigMapVolume, Folder } from './folder.ts'

const folder = Folder.use()
let clock: FakeClock
let discovery: FileDiscovery
let notes: Notes
beforeEach(() => {
  clock = new FakeClock()
  notes = new Notes()
})
afterEach(() => discovery.close())

function follow(options: FileDiscoveryOptions = { directory: folder.path }): void {
  discovery = new FileDiscovery({ clock, ...options })
  discovery.watch('users', notes)
}

/** Lets the watch look once more, as many times as it takes the file system. */
async function sees(hosts: readonly string[]): Promise<void> {
  await vi.waitFor(async () => {
    await clock.advance(1_000)
    expect(notes.hosts).toEqual(hosts)
  })
}

const groups = (...hosts: string[]): string => JSON.stringify([{ targets: hosts.map((host) => `${host}:80`) }])

describe('a file', () => {
  it.each(['users.json', 'users.yaml', 'users.yml'])('is read again when it is replaced: %s', async (name) => {
    folder.write(name, groups('a'))
    follow()
    await sees(['a'])
    folder.write(name, groups('a', 'b'))
    await sees(['a', 'b'])
    expect(notes.errors).toEqual([])
  })

  it('is read again when it is overwritten, also within the same tick and with the same size', async () => {
    const path = join(folder.path, 'users.json')
    writeFileSync(path, groups('a'))
    follow()
    await sees(['a'])
    const { atime, mtime } = statSync(path)
    writeFileSync(path, groups('b'))
    utimesSync(path, atime, mtime)
    await sees(['b'])
  })

  it('that stays as it is, is not read again, and is the same list', async () => {
    folder.write('users.json', groups('a'))
    follow()
    await sees(['a'])
    const before = notes.lists.length
    await sees(['a'])
    expect(new Set(notes.lists.slice(before - 1).map(([instance]) => instance)).size).toBe(1)
  })

  it.each<[string, () => void, string]>([
    ['is gone', () => rmSync(join(folder.path, 'users.json')), 'users.json, users.yaml, users.yml. A service without'],
    ['is half written', () => folder.write('users.json', '[{"targets":["a:80"'), 'is no JSON. Write it beside'],
    ['is empty', () => folder.write('users.json', ''), 'is no JSON'],
    ['is an object', () => folder.write('users.json', '{}'), 'holds no list of groups'],
    [
      'is too large',
      () => folder.write('users.json', ' '.repeat(2_000)),
      'has 2000 bytes, the limit is 1024. Raise maxBytes',
    ],
  ])('that %s keeps the list, and is looked for again', async (_, change, message) => {
    folder.write('users.json', groups('a'))
    follow({ directory: folder.path, maxBytes: 1_024 })
    await sees(['a'])
    change()
    await vi.waitFor(async () => {
      await clock.advance(1_000)
      expect(notes.messages.join()).toContain(message)
    })
    expect(notes.errors[0]).toMatchObject({ code: 'LB_DISCOVERY', service: 'users' })
    expect(notes.hosts).toEqual(['a'])
    folder.write('users.json', groups('b'))
    await sees(['b'])
  })

  it('with an empty list has no instances', async () => {
    folder.write('users.yaml', '[]')
    follow()
    await sees([])
    expect(notes.errors).toEqual([])
  })
})

describe('a ConfigMap in a volume', () => {
  it('is read again when kubelet changes the link ..data', async () => {
    const volume = new ConfigMapVolume(folder.path)
    volume.write({ 'users.yaml': '- targets: [a:80]\n' })
    follow()
    await sees(['a'])
    volume.write({ 'users.yaml': '- targets: [b:80]\n' })
    await sees(['b'])
    volume.write({ 'users.yaml': '- targets: [c:80, d:80]\n', 'orders.yaml': '[]' })
    await sees(['c', 'd'])
    expect(notes.errors).toEqual([])
  })

  it('may be one file for all services', async () => {
    const volume = new ConfigMapVolume(folder.path)
    volume.write({ 'targets.json': JSON.stringify([{ targets: ['a:80'], labels: { service: 'users' } }]) })
    follow({ file: join(folder.path, 'targets.json') })
    await sees(['a'])
    volume.write({ 'targets.json': JSON.stringify([{ targets: ['b:80'], labels: { service: 'users' } }]) })
    await sees(['b'])
    volume.write({ 'targets.json': JSON.stringify([{ targets: ['b:80'], labels: { service: 'orders' } }]) })
    await sees([])
  })

  it('from which a file is taken keeps the list', async () => {
    const volume = new ConfigMapVolume(folder.path)
    volume.write({ 'users.yaml': '- targets: [a:80]\n' })
    follow()
    await sees(['a'])
    volume.write({ 'orders.yaml': '[]' })
    await vi.waitFor(async () => {
      await clock.advance(1_000)
      expect(notes.errors).not.toEqual([])
    })
    expect(notes.hosts).toEqual(['a'])
  })
})

describe('a folder', () => {
  it('may itself be a link that changes', async () => {
    const volume = new ConfigMapVolume(folder.path)
    volume.write({ 'users.json': groups('a') })
    follow({ directory: join(folder.path, '..data') })
    await sees(['a'])
    volume.write({ 'users.json': groups('b') })
    await sees(['b'])
  })
})
