import { describe, expect, it } from 'vitest'
import {
  MalformedMessage,
  readFailure,
  readLease,
  readRangeAnswer,
  readRevision,
  readToken,
  readWatchMessage,
} from './messages.ts'

const header = { cluster_id: '10144879847569953045', member_id: '1', revision: '42', raft_term: '2' }
const kv = { key: 'cy9hLzE=', create_revision: '2', mod_revision: '9007199254740993', version: '1', value: 'eA==' }

describe('the answer of a range', () => {
  it('is read, with revisions beyond 2^53 exact', () => {
    expect(readRangeAnswer({ header, kvs: [kv], count: '1' })).toEqual({
      revision: 42n,
      entries: [{ key: 's/a/1', value: 'x', modRevision: 9_007_199_254_740_993n }],
      count: 1n,
    })
  })

  it('without kvs and count has none', () => {
    expect(readRangeAnswer({ header })).toEqual({ revision: 42n, entries: [], count: 0n })
  })

  it.each<[string, unknown]>([
    ['no object', 'x'],
    ['a list', []],
    ['no header', { kvs: [] }],
    ['no revision', { header: {} }],
    ['a revision that is no number', { header: { revision: '4x' } }],
    ['a revision that is no longer exact', { header: { revision: 2 ** 60 } }],
    ['kvs that are no list', { header, kvs: { length: 1 } }],
    ['an entry that is nothing', { header, kvs: [null] }],
    ['an entry without a key', { header, kvs: [{ value: 'eA==' }] }],
    ['a value that is no text', { header, kvs: [{ ...kv, value: 1 }], count: '1' }],
    ['a key that is no base64', { header, kvs: [{ ...kv, key: 'cy9\ufffdLzE=' }], count: '1' }],
    ['fewer entries than it counts', { header, count: '1' }],
  ])('with %s is malformed', (_, answer) => {
    expect(() => readRangeAnswer(answer)).toThrow(MalformedMessage)
  })
})

describe('a message of a watch', () => {
  it('may leave out the type of a put, the id 0 and everything that is zero', () => {
    expect(readWatchMessage(JSON.stringify({ result: { header, events: [{ kv }] } }))).toMatchObject({
      watchId: '0',
      created: false,
      canceled: false,
      compacted: false,
      revision: 42n,
      events: [{ deleted: false, key: 's/a/1', value: 'x' }],
    })
  })

  it('deletes without a value', () => {
    const events = [{ type: 'DELETE', kv: { key: 'cy9hLzE=', mod_revision: '5' } }]
    expect(readWatchMessage(JSON.stringify({ result: { header, watch_id: '3', events } }))).toMatchObject({
      watchId: '3',
      events: [{ deleted: true, key: 's/a/1', value: '', modRevision: 5n }],
    })
  })

  it('says that history is compacted, without a revision', () => {
    const line = '{"result":{"header":{"cluster_id":"1"},"canceled":true,"compact_revision":"84"}}'
    expect(readWatchMessage(line)).toMatchObject({ canceled: true, compacted: true, revision: undefined, events: [] })
  })

  it('is the error with which etcd ends the stream, in the forms of all versions', () => {
    const old =
      '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}'
    const recent = '{"error":{"code":14,"message":"etcdserver: no leader","details":[]}}'
    for (const line of [old, recent])
      expect(readWatchMessage(line)).toEqual({ code: 14, message: 'etcdserver: no leader' })
    expect(readWatchMessage('{"error":"?"}')).toEqual({ code: 2, message: 'an unknown error' })
  })

  it.each([
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"result":{}}',
    '{"result":{"header":{},"events":[{"type":"MOVE"}]}}',
    '{"result":{"header":{},"events":{}}}',
  ])('%s is malformed', (line) => {
    expect(() => readWatchMessage(line)).toThrow(MalformedMessage)
  })
})

it('an error is read in the forms of 3.4, of 3.5 and of 3.6', () => {
  const failure = { code: 11, message: 'etcdserver: mvcc: required revision has been compacted' }
  expect(readFailure({ error: failure.message, ...failure })).toEqual(failure)
  expect(readFailure(failure)).toEqual(failure)
  expect(readFailure({ ...failure, details: [] })).toEqual(failure)
  expect(readFailure({ error: failure.message, code: 11 })).toEqual(failure)
  for (const other of [undefined, null, 'x', {}, { code: '11', message: 'x' }, { code: 1 }])
    expect(readFailure(other)).toBeUndefined()
})

it('the id of a lease keeps all its digits', () => {
  expect(readLease({ header, ID: '7587848390112345679', TTL: '15' })).toEqual({
    id: '7587848390112345679',
    ttlSeconds: 15,
  })
})

it('a lease without a TTL is gone', () => {
  expect(readLease({ header, ID: '7' })).toEqual({ id: '7', ttlSeconds: 0 })
})

it('revision and token are read, or malformed', () => {
  expect(readRevision({ header })).toBe(42n)
  expect(readToken({ header, token: 'OEMhFNbXLseqPxTp.28' })).toBe('OEMhFNbXLseqPxTp.28')
  // They would be other headers.
  for (const token of [undefined, '', 'a b', 'a\r\nb: c', 7])
    expect(() => readToken({ token })).toThrow(MalformedMessage)
})
