import { describe, expect, it } from 'vitest'
import { serviceOfHost, type UrlAuthority } from './service-host.ts'
import { parseServiceUrl } from './service-url.ts'

const lb = { serviceOf: (authority: UrlAuthority) => serviceOfHost(authority, new Set(['api.example'])) }

describe('parseServiceUrl', () => {
  it('gives the pieces exactly as they are written', () => {
    expect(parseServiceUrl('HTTP://me:x@users/a/../%7E?q#f', { lb })).toEqual({
      service: 'users',
      scheme: 'http',
      userInfo: 'me:x@',
      rest: '/a/../%7E?q#f',
    })
    expect(parseServiceUrl('https://api.example:8443', { lb })).toMatchObject({ service: 'api.example', rest: '' })
    expect(parseServiceUrl('lb:orders.v2/x', { lb })).toMatchObject({ service: 'orders.v2', scheme: 'lb', rest: '/x' })
  })

  it.each([
    '/users',
    'ftp://users/',
    'http://[::1]/',
    'http://us ers/',
    'http://users:x/',
    'http://10.0.0.1/',
    'http://users:80/',
  ])('finds no service in %s', (url) => {
    expect(parseServiceUrl(url, { lb })).toBeUndefined()
  })

  it("asks the application's rule instead, with the whole URL, where a parser takes it", () => {
    const serviceOf = ({ host, pathname }: URL): string | undefined =>
      host === '10.0.0.1' ? pathname.slice(1) : undefined
    expect(parseServiceUrl('http://10.0.0.1/users', { lb, serviceOf })?.service).toBe('users')
    expect(parseServiceUrl('http://users/', { lb, serviceOf })).toBeUndefined()
    expect(parseServiceUrl('http://users%zz/', { lb, serviceOf })).toBeUndefined()
  })
})
