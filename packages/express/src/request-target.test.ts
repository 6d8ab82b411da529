import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestRefusal } from './errors.ts'
import type { MaybeExpressRequest } from './middleware.ts'
import { requestTarget } from './request-target.ts'

const target = (url: string, prefix = ''): string | undefined =>
  requestTarget({ url } as MaybeExpressRequest, prefix)?.path

/** How the most obliging server reads a path: decodes it, takes backslashes for slashes, and drops path parameters. */
function segments(path: string): string[] {
  return decodeURIComponent(path)
    .replaceAll('\\', '/')
    .split('/')
    .map((segment) => segment.replace(/;.*$/, ''))
}

describe('requestTarget', () => {
  it('passes nothing that any server would resolve, and refuses nothing else', () => {
    const piece = fc.constantFrom('.', '..', '%2e', '%2E', '/', '%2f', '%2F', '\\', '%5c', 'a', ';', ';x', '%20')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const url = `/${pieces.join('')}`
        const resolved = segments(url).some((segment) => segment === '.' || segment === '..')
        if (resolved) expect(() => target(url)).toThrow(RequestRefusal)
        else expect(target(url)).toBe(url)
      }),
      { seed: 20_240_607, numRuns: 5_000 },
    )
  })

  it('takes a prefix off whole segments only', () => {
    expect(target('/users/a', '/users')).toBe('/a')
    expect(target('/users', '/users')).toBe('/')
    expect(target('/users?a', '/users')).toBe('/?a')
    expect(target('/usersa', '/users')).toBeUndefined()
    expect(target('/user', '/users')).toBeUndefined()
  })

  it('says which host a request of absolute form is for', () => {
    expect(requestTarget({ url: 'http://a.test:80?x' } as MaybeExpressRequest, '')).toEqual({
      path: '/?x',
      mount: '',
      authority: 'a.test:80',
    })
    for (const url of ['http://', 'http://a@b/', 'ftp://a/', '*', 'a:80']) {
      expect(() => target(url)).toThrow(RequestRefusal)
    }
  })
})
