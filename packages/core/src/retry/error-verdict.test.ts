import { describe, expect, it } from 'vitest'
import { DeadlineExceededError, LoadBalancerClosedError } from '../base/errors.ts'
import { isTimeout } from './error-verdict.ts'

function failure(code: string, message = code): Error {
  return Object.assign(new Error(message), { code })
}

describe('isTimeout', () => {
  it.each([
    ['a deadline of lb', new DeadlineExceededError('late')],
    ['a time limit of the platform', new DOMException('late', 'TimeoutError')],
    ['a connection that took too long', failure('ETIMEDOUT')],
    ["undici's limit for the headers", new TypeError('fetch failed', { cause: failure('UND_ERR_HEADERS_TIMEOUT') })],
    ["Bun's limit", failure('Timeout')],
    ["axios's limit", failure('ECONNABORTED', 'timeout of 5 ms exceeded')],
    ["Safari's limit", new TypeError('The request timed out.')],
    ["Deno's limit", new TypeError('error sending request', { cause: new Error('operation timed out') })],
    ['one of two addresses that took too long', new AggregateError([failure('ECONNREFUSED'), failure('ETIMEDOUT')])],
  ])('is true of %s', (_, error) => {
    expect(isTimeout(error)).toBe(true)
  })

  it.each([
    ['a refusal', failure('ECONNREFUSED')],
    ['a reset at some time', failure('ECONNRESET', 'the socket was closed this time')],
    ['a connection that was aborted', failure('ECONNABORTED', 'socket hang up')],
    ['a process without descriptors', failure('EMFILE')],
    ['a process without ports', failure('EADDRNOTAVAIL')],
    ['a body that broke off', new Error('stream has been aborted')],
    ['a fetch that failed', new TypeError('fetch failed')],
    ['a load balancer that is closed', new LoadBalancerClosedError('closed')],
    ['an error of the application', new Error('timeout of the market')],
    ['no error', undefined],
  ])('is false of %s', (_, error) => {
    expect(isTimeout(error)).toBe(false)
  })

  it('is false of an error that cannot be read', () => {
    const error = Object.defineProperty(new Error('x'), 'code', {
      get: () => {
        throw new Error('no')
      },
    })
    expect(isTimeout(error)).toBe(false)
  })
})
