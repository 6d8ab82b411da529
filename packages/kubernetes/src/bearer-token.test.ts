import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscoveryError } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BearerToken } from './bearer-token.ts'

let folder: string
let file: string
let clock: FakeClock

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lb-token-'))
  file = join(folder, 'token')
  clock = new FakeClock()
})
afterEach(() => rmSync(folder, { recursive: true }))

function tokenOf(): BearerToken {
  return new BearerToken({ tokenFile: file, clock })
}

describe('a token in a file', () => {
  it('is read again after a minute', async () => {
    writeFileSync(file, 'first\n')
    const token = tokenOf()
    expect(await token.current()).toBe('first')
    writeFileSync(file, 'second')
    await clock.advance(59_999)
    expect(await token.current()).toBe('first')
    await clock.advance(1)
    expect(await token.current()).toBe('second')
  })

  it('is read at once when it was refused', async () => {
    writeFileSync(file, 'first')
    const token = tokenOf()
    await token.current()
    expect(await token.insteadOf('first')).toBeUndefined()
    writeFileSync(file, 'second')
    expect(await token.insteadOf('first')).toBe('second')
    expect(await token.current()).toBe('second')
  })

  it('is used on while the file cannot be read, which is tried again every ten seconds', async () => {
    writeFileSync(file, 'first')
    const token = tokenOf()
    await token.current()
    rmSync(file)
    await clock.advance(60_000)
    expect(await token.current()).toBe('first')
    expect(await token.insteadOf('first')).toBeUndefined()
    writeFileSync(file, 'second')
    expect(await token.current()).toBe('first')
    await clock.advance(10_000)
    expect(await token.current()).toBe('second')
  })

  it('that was never readable is a failure that names the file', async () => {
    const token = tokenOf()
    await expect(token.current()).rejects.toThrow(`the token file ${file} cannot be read (ENOENT)`)
    // Also for whoever asks right after.
    await expect(token.current()).rejects.toBeInstanceOf(DiscoveryError)
    writeFileSync(file, 'first')
    expect(await token.current()).toBe('first')
  })

  it.each(['', ' \n', 'a b', 'a\nb', 'ä', 'x'.repeat(70_000)])(
    'that cannot be sent is a failure without it: %#',
    async (content) => {
      writeFileSync(file, content)
      await expect(tokenOf().current()).rejects.toThrow(
        expect.objectContaining({ message: `the token file ${file} holds no token of visible ASCII characters` }),
      )
    },
  )

  it('is read once for many who ask together', async () => {
    writeFileSync(file, 'first')
    const token = tokenOf()
    expect(await Promise.all(Array.from({ length: 100 }, () => token.current()))).toEqual(Array(100).fill('first'))
  })
})

it('a fixed token has none instead', async () => {
  const token = new BearerToken({ token: 'fixed', clock })
  expect([await token.current(), await token.insteadOf('fixed')]).toEqual(['fixed', undefined])
  expect(await new BearerToken({ clock }).current()).toBeUndefined()
})
