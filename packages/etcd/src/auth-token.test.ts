import { expect, it } from 'vitest'
import { AuthToken } from './auth-token.ts'

function counting(): { token: AuthToken; asked: () => number; fail: (cause: unknown) => void } {
  let asked = 0
  let failure: { cause: unknown } | undefined
  const token = new AuthToken(async () => {
    asked++
    if (failure !== undefined) throw failure.cause
    return `token-${asked}`
  })
  return {
    token,
    asked: () => asked,
    fail: (cause) => {
      failure = { cause }
    },
  }
}

it('is asked for once by all who need it', async () => {
  const { token, asked } = counting()
  expect(await Promise.all([token.get(), token.get(), token.get()])).toEqual(['token-1', 'token-1', 'token-1'])
  expect(asked()).toBe(1)
})

it('is asked for once after many were told that it is rejected', async () => {
  const { token, asked } = counting()
  await token.get()
  await Promise.all([token.reject('token-1'), token.reject('token-1')])
  expect(await token.get()).toBe('token-2')
  // A request that was sent with the old one comes back late.
  await token.reject('token-1')
  expect(await token.get()).toBe('token-2')
  expect(asked()).toBe(2)
})

it('is asked for again after that failed', async () => {
  const { token, asked, fail } = counting()
  fail(new Error('no'))
  await expect(Promise.all([token.get(), token.get()])).rejects.toThrow('no')
  await expect(token.get()).rejects.toThrow('no')
  expect(asked()).toBe(2)
})
