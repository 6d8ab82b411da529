import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emittedEvent } from './emitted-event.ts'
import { eventLevels } from './event-types.ts'

/** What an application may throw. */
function hostile(): unknown[] {
  const round: { cause?: unknown; message: string } = new Error('round')
  round.cause = round
  const throwing = Object.defineProperty({}, 'message', {
    get: () => {
      throw new Error('read')
    },
  })
  return [
    round,
    throwing,
    Object.create(null),
    7n,
    Symbol('s'),
    () => 1,
    undefined,
    null,
    'text',
    new Map(),
    new Date(0),
  ]
}

describe('an event', () => {
  it('has a level that is no field of its own', () => {
    const event = emittedEvent({ type: 'empty-list-held', service: 'users' })
    expect(event.level).toBe('warn')
    expect(Object.keys(event)).toEqual(['type', 'service'])
  })

  it('is JSON with its level, and with code, message and causes of a foreign error, and nothing else of that', () => {
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const error = Object.assign(new TypeError('fetch failed', { cause }), { headers: { authorization: 'secret' } })
    const outcome = { ok: false, latencyMs: Number.POSITIVE_INFINITY, error }
    const event = { type: 'callback-failed', callback: 'classify', error, outcome } as const
    const json = {
      name: 'TypeError',
      message: 'fetch failed',
      cause: { name: 'Error', message: 'reset', code: 'ECONNRESET' },
    }
    expect(JSON.parse(JSON.stringify(emittedEvent(event)))).toEqual({
      type: 'callback-failed',
      level: 'error',
      callback: 'classify',
      error: json,
      outcome: { ok: false, latencyMs: 'Infinity', error: json },
    })
  })

  it.each(Object.keys(eventLevels))('of type %s is JSON, whatever was thrown', (type) => {
    for (const error of hostile()) {
      const fields = { type, service: 's', error, outcome: { error }, extra: error }
      const text = JSON.stringify(emittedEvent(fields as never))
      expect(JSON.parse(text)).toMatchObject({ type, level: expect.stringMatching(/^(debug|info|warn|error)$/) })
      expect(text.length).toBeLessThan(5_000)
    }
  })

  // The names of its own fields are ours.
  it('is JSON, whatever its fields hold', () => {
    fc.assert(
      fc.property(fc.object({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }), (fields) => {
        JSON.stringify(emittedEvent({ type: 'closed', detail: fields } as never))
      }),
      { seed: 20_240_607 },
    )
  })
})
