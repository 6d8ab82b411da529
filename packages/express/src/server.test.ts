import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { mayLackFields } from './server.ts'

describe('mayLackFields', () => {
  it.each([
    ['what Node keeps by default', undefined, 999, false],
    ['as many as Node keeps by default', undefined, 1_000, true],
    ['more, as some versions leave them', undefined, 1_023, true],
    ['no limit of the server', 0, 5_000, false],
    ['a limit of the server', 100, 99, false],
    ['as many as the server keeps', 100, 100, true],
    ['a limit beyond the default', 5_000, 4_999, false],
    ['null, as Node has it at first', null, 1_000, true],
  ])('%s', (_name, maxHeadersCount, fields, lacking) => {
    const rawHeaders = Array.from({ length: fields * 2 }, () => 'a')
    const request = { rawHeaders, socket: { server: { maxHeadersCount } } }
    expect(mayLackFields(request as unknown as IncomingMessage)).toBe(lacking)
  })
})
