import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidOptionError, parseInstance } from '@lb/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fileNameOf, unfinishedName } from '../src/file-name.ts'
import { FileSnapshotStore, type FileSnapshotStoreOptions } from '../src/index.ts'
import { list, useFolder } from './folder.ts'

const folder = useFolder()
afterEach(() => vi.restoreAllMocks())

function open(options: Partial<FileSnapshotStoreOptions> = {}): FileSnapshotStore {
  return new FileSnapshotStore({ directory: folder.path, ...options })
}

describe('what was saved', () => {
  it('is loaded by another store, with its age', async () => {
    const instances = [
      parseInstance({ host: '2001:db8::1', port: 1, weight: 2.5, zone: 'z', metadata: { ['__proto__']: 'x', ü: '☃' } }),
      parseInstance({ id: 'x', host: 'b', port: 2, secure: true, healthy: false, priority: 3 }),
    ]
    await open({ wallClock: () => 1_700_000_000_000 }).save('users', instances)
    const snapshot = await open({ wallClock: () => 1_700_000_003_500 }).load('users')
    expect(snapshot?.ageMs).toBe(3_500)
    expect(snapshot?.instances.map(parseInstance)).toEqual(instances)
  })

  it('has an age of nearly nothing by the clock of the system', async () => {
    await open().save('users', list('a:1'))
    const { ageMs } = (await open().load('users')) ?? { ageMs: Number.NaN }
    expect(ageMs).toBeGreaterThanOrEqual(0)
    expect(ageMs).toBeLessThan(60_000)
    expect(Math.abs(Date.now() - JSON.parse(text('users')).savedAtMs)).toBeLessThan(60_000)
  })

  it('replaces what was there, and leaves nothing else in the folder', async () => {
    const store = open()
    await store.save('users', list('a:1', 'b:1'))
    await store.save('users', list('c:1'))
    expect((await store.load('users'))?.instances).toMatchObject([{ id: 'c:1' }])
    expect(folder.files()).toEqual([fileNameOf('users')])
  })

  it('can be read by this user alone, whatever was there before', async () => {
    const directory = join(folder.path, 'new', 'deep')
    await open({ directory }).save('users', list('a:1'))
    const mode = (path: string): number => statSync(path).mode & 0o777
    expect([mode(directory), mode(join(directory, fileNameOf('users')))]).toEqual([0o700, 0o600])
    chmodSync(join(directory, fileNameOf('users')), 0o644)
    await open({ directory }).save('users', list('a:1'))
    expect(mode(join(directory, fileNameOf('users')))).toBe(0o600)
  })

  it('is not there when nothing was saved, or no folder is', async () => {
    expect(await open().load('users')).toBeUndefined()
    expect(await open({ directory: join(folder.path, 'none') }).load('users')).toBeUndefined()
  })

  it('stays when the next save fails, which says why', async () => {
    const store = open({ maxBytes: 1_024 })
    await store.save('users', list('a:1'))
    const many = list(...Array.from({ length: 100 }, (_, index) => `host-${index}:1`))
    await expect(store.save('users', many)).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
      service: 'users',
      message: expect.stringMatching(
        /could not be written: it would have \d+ bytes, the limit is 1024. Raise maxBytes$/,
      ),
    })
    expect((await store.load('users'))?.instances).toHaveLength(1)
  })

  it('cannot be written where a file is instead of the folder', async () => {
    writeFileSync(join(folder.path, 'file'), '')
    const store = open({ directory: join(folder.path, 'file') })
    await expect(store.save('users', list('a:1'))).rejects.toThrow(/could not be written: E(EXIST|NOTDIR)/)
    await expect(store.load('users')).rejects.toThrow('cannot be used: ENOTDIR')
  })

  it('is not written, and not read, for a signal that is aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(open().save('users', list('a:1'), { signal })).rejects.toThrow('enough')
    await expect(open().load('users', { signal })).rejects.toThrow('enough')
    expect(folder.files()).toEqual([])
  })
})

describe('a folder', () => {
  it('is freed of what dead processes left, and of nothing else', async () => {
    const unique = '123e4567-e89b-12d3-a456-426614174000'
    const names = [
      unfinishedName(fileNameOf('old'), unique),
      unfinishedName(fileNameOf('new'), unique),
      '.other.json.tmp',
    ]
    for (const name of names) writeFileSync(join(folder.path, name), '{')
    const old = new Date(Date.now() - 3_700_000)
    for (const name of [names[0], names[2]]) utimesSync(join(folder.path, name as string), old, old)
    await open().save('users', list('a:1'))
    expect(new Set(folder.files())).toEqual(new Set([names[1], names[2], fileNameOf('users')]))
  })

  it('may be given relative to the working directory of the start', async () => {
    const before = process.cwd()
    try {
      process.chdir(folder.path)
      const store = new FileSnapshotStore({ directory: 'lists' })
      process.chdir(before)
      await store.save('users', list('a:1'))
    } finally {
      process.chdir(before)
    }
    expect(folder.files()).toEqual(['lists'])
  })
})

describe('a file that cannot be used', () => {
  const now = { version: 1, service: 'users', savedAtMs: 0, instances: [] }

  it.each<[string, string | Buffer, RegExp]>([
    ['is empty', '', /cannot be used: .*JSON/],
    ['was cut off', '{"version":1,"service":"users","savedAtMs":1,"instances":[{"host"', /cannot be used: .*JSON/],
    ['is no text', Buffer.from([0x22, 0xff, 0xfe, 0x22]), /cannot be used: .*encoded data/],
    ['holds null', 'null', /it holds no object/],
    ['holds a number', '7', /it holds no object/],
    ['is of another version', JSON.stringify({ ...now, version: 2 }), /its version is not 1/],
    ['is of another service', JSON.stringify({ ...now, service: 'orders' }), /it is of another service/],
    ['has no time', JSON.stringify({ ...now, savedAtMs: '1' }), /it does not say when it was saved/],
    ['has no list', JSON.stringify({ ...now, instances: { length: 1 } }), /it holds no list of instances/],
  ])('since it %s, is an error that says so', async (_, content, message) => {
    writeFileSync(path('users'), content, { mode: 0o600 })
    await expect(open().load('users')).rejects.toThrow(message)
    await expect(open().load('users')).rejects.toMatchObject({ code: 'LB_DISCOVERY', service: 'users' })
  })

  it('since it is too large, is not read', async () => {
    writeFileSync(path('users'), 'x'.repeat(2_000))
    await expect(open({ maxBytes: 1_024 }).load('users')).rejects.toThrow('it has 2000 bytes, the limit is 1024')
  })

  it('since it is a link, is not followed, and is replaced by the next save', async () => {
    const target = join(folder.path, 'target')
    writeFileSync(target, JSON.stringify(now))
    symlinkSync(target, path('users'))
    await expect(open().load('users')).rejects.toThrow('it is a link')
    await open().save('users', list('a:1'))
    expect(readFileSync(target, 'utf8')).toBe(JSON.stringify(now))
    expect((await open().load('users'))?.instances).toHaveLength(1)
  })

  it('since it is a folder, is an error', async () => {
    mkdirSync(path('users'))
    await expect(open().load('users')).rejects.toThrow('it is no plain file')
    await expect(open().save('users', list('a:1'))).rejects.toThrow('could not be written')
    expect(folder.files()).toEqual([fileNameOf('users')])
  })

  it('since it is a pipe, is not waited for', async () => {
    execFileSync('mkfifo', [path('users')])
    await expect(open().load('users')).rejects.toThrow('it is no plain file')
  })

  it('since every user may write to it, is not believed', async () => {
    await open().save('users', list('a:1'))
    chmodSync(path('users'), 0o602)
    await expect(open().load('users')).rejects.toThrow('every user may write to it')
  })

  it('since another user owns it, is not believed, and is replaced by the next save', async () => {
    await open().save('users', list('a:1'))
    const ownUid = process.geteuid?.() ?? 0
    vi.spyOn(process, 'geteuid').mockReturnValue(ownUid + 1)
    const refused = `user ${ownUid} owns it, this process runs as user ${ownUid + 1}. Give the folder to this user alone`
    await expect(open().load('users')).rejects.toThrow(refused)
    vi.restoreAllMocks()
    await open().save('users', list('a:1'))
    expect((await open().load('users'))?.instances).toHaveLength(1)
  })

  it('since every user may write to it or another one owns it, is used when the volume is said to be shared', async () => {
    const store = open({ allowSharedVolume: true })
    await store.save('users', list('a:1'))
    chmodSync(path('users'), 0o777)
    vi.spyOn(process, 'geteuid').mockReturnValue(4_711)
    expect((await store.load('users'))?.instances).toHaveLength(1)
    vi.restoreAllMocks()
    symlinkSync(path('users'), path('orders'))
    await expect(store.load('orders')).rejects.toThrow('it is a link')
  })

  it('does not keep others from being used', async () => {
    const store = open()
    writeFileSync(path('users'), '{')
    await store.save('orders', list('a:1'))
    const [users, orders] = await Promise.allSettled([store.load('users'), store.load('orders')])
    expect([users.status, orders.status]).toEqual(['rejected', 'fulfilled'])
  })
})

describe('the options', () => {
  it.each<[string, unknown]>([
    ['directory', undefined],
    ['directory', ''],
    ['directory', 'a\0b'],
    ['maxBytes', 1_000],
    ['maxBytes', 2_000.5],
    ['allowSharedVolume', 'yes'],
    ['wallClock', 7],
  ])('refuse %s %j', (name, value) => {
    const build = (): unknown => new FileSnapshotStore({ directory: 'x', [name]: value })
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(`FileSnapshotStore.${name} must be`)
  })
})

function path(service: string): string {
  return join(folder.path, fileNameOf(service))
}

function text(service: string): string {
  return readFileSync(path(service), 'utf8')
}
