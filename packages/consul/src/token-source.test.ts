import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiscoveryError } from '@lb/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenSource } from './token-source.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lb-consul-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a token', () => {
  it('is read from its file each time, so that it can be rotated', async () => {
    const file = join(folder, 'token')
    const token = tokenSource('Owner', undefined, file)
    writeFileSync(file, 'first\n')
    expect(await token()).toBe('first')
    writeFileSync(file, 'second')
    expect(await token()).toBe('second')
  })

  it('is asked of its function each time', async () => {
    let count = 0
    const token = tokenSource('Owner', () => `token-${++count}`, undefined)
    expect([await token(), await token()]).toEqual(['token-1', 'token-2'])
  })

  it('fails when its file cannot be read', async () => {
    const token = tokenSource('Owner', undefined, join(folder, 'none'))
    await expect(token()).rejects.toThrow('Owner: the file of the token cannot be read: ENOENT')
    await expect(token()).rejects.toBeInstanceOf(DiscoveryError)
  })

  it.each<[string, () => string]>([
    [
      'throws',
      () => {
        throw new Error('vault is sealed')
      },
    ],
    ['rejects', () => Promise.reject(new Error('vault is sealed')) as unknown as string],
  ])('fails when its function %s', async (_, give) => {
    await expect(tokenSource('Owner', give, undefined)()).rejects.toThrow('the function token failed: vault is sealed')
  })

  it.each<[string, unknown]>([
    ['empty', ''],
    ['of two lines', 's3cret\r\nx-evil: 1'],
    ['no text', { s3cret: 1 }],
  ])('fails, without showing it, when it is %s', async (_, given) => {
    const failure: unknown = await tokenSource('Owner', () => given as string, undefined)().catch((error) => error)
    expect(failure).toBeInstanceOf(DiscoveryError)
    expect(String(failure)).not.toContain('s3cret')
  })
})
