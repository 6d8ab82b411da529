import { describe, expect, it } from 'vitest'
import { HeaderList } from './header-list.ts'

describe('HeaderList', () => {
  it('finds names in any case, and keeps repeated ones apart', () => {
    const headers = new HeaderList(['Set-Cookie', 'a', 'X', '1', 'set-cookie', 'b'])
    expect(headers.getAll('SET-COOKIE')).toEqual(['a', 'b'])
    expect([headers.get('set-cookie'), headers.get('y'), headers.has('x')]).toEqual(['a, b', undefined, true])
  })

  it('changes the list it was given', () => {
    const flat = ['A', '1', 'b', '2', 'a', '3']
    new HeaderList(flat).set('a', '4').append('c', '5').delete('B')
    expect(flat).toEqual(['a', '4', 'c', '5'])
  })
})
