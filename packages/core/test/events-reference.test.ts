import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { eventLevels } from '../src/observe/event-types.ts'

describe('docs/reference/events.md', () => {
  it('has every type of event with its level, and no other', () => {
    const page = readFileSync(new URL('../../../docs/reference/events.md', import.meta.url), 'utf8')
    const rows = Array.from(page.matchAll(/^\| `([a-z-]+)` \| (debug|info|warn|error) \|/gm), ([, type, level]) => [
      type,
      level,
    ])
    expect(Object.fromEntries(rows)).toEqual(eventLevels)
    expect(rows).toHaveLength(Object.keys(eventLevels).length)
  })
})
