import { classifyError } from '@lb/core/authoring'
import { errors } from 'undici'
import { expect, it } from 'vitest'
import { asNodeError } from './undici-errors.ts'

it.each([
  [new errors.ConnectTimeoutError(), 'ETIMEDOUT', 'always'],
  [new errors.SocketError('other side closed'), 'ECONNRESET', 'idempotent'],
])('%s has the code %s, and may be repeated: %s', (error, code, retry) => {
  const seen = asNodeError(error)
  expect(seen).toMatchObject({ code, cause: error })
  expect(classifyError(seen).retry).toBe(retry)
})
