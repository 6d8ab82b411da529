import { describe, expect, it } from 'vitest'
import { checkEventTypes } from './event-types.ts'

describe('types of events', () => {
  it.each([[['retry', 'hedge']], [[]]])('takes %j', (types) => {
    expect(() => checkEventTypes(types)).not.toThrow()
  })

  it('asks for the type that was probably meant', () => {
    expect(() => checkEventTypes(['retry', 'instance-change'])).toThrow(
      expect.objectContaining({
        code: 'LB_INVALID_OPTION',
        message: expect.stringMatching(/^types\[1\] must be one of .*Did you mean instances-changed\?$/),
      }),
    )
  })

  it.each([[[undefined]], [[{ toString: 5 }]], [['__proto__']], ['retry' as never]])('refuses %o', (types) => {
    expect(() => checkEventTypes(types)).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION' }))
  })
})
