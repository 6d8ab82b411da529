import { describe, expect, it } from 'vitest'
import { isIdempotentMethod } from './idempotency.ts'

describe('isIdempotentMethod', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'get', 'Put'])('holds for %s', (method) => {
    expect(isIdempotentMethod(method)).toBe(true)
  })

  it.each(['POST', 'PATCH', 'CONNECT', 'QUERY', '', 'GETX', ' GET', 'post'])('does not hold for %j', (method) => {
    expect(isIdempotentMethod(method)).toBe(false)
  })
})
