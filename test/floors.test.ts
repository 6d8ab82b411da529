import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { againstTheFloors, closedTo, rooms } from '../scripts/figures/floors.ts'
import { parseSourceFile, root } from '../scripts/figures/source-file.ts'

const core = 'packages/core/src/'

function found(path: string, imported: string): string[] {
  return againstTheFloors([parseSourceFile(path, `import type { A } from '${imported}'\n`)])
}

/** What a balancer must not know, as a balancer in a folder of its own would import it. */
const unknownToBalancers = [
  '../../service/record.ts',
  '../../service/feedback.ts',
  '../../service/ejections.ts',
  '../../service/capacity.ts',
  '../../call/scope.ts',
  '../../health/eligibility/eligibility.ts',
  '../../discovery/discovery.ts',
  '../../load-balancer.ts',
]

describe('the floors of core', () => {
  it.each(unknownToBalancers)('keep a balancer from %s', (imported) => {
    expect(found(`${core}balancer/hashing/new.ts`, imported)).toHaveLength(1)
  })

  it.each([
    ['balancer/new.ts', '../instance/instance.ts'],
    ['balancer/hashing/new.ts', '../balancer.ts'],
    ['observe/new.ts', '../config/service-options.ts'],
    ['service/new.ts', '../health/eligibility/eligibility.ts'],
    ['index.ts', './load-balancer.ts'],
  ])('let %s import %s', (path, imported) => {
    expect(found(core + path, imported)).toEqual([])
  })

  it.each([
    ['base/new.ts', 'node:timers'],
    ['service/new.ts', '@lb/testing'],
    ['base/new.ts', '../instance/instance.ts'],
    ['cache/new.ts', '../health/outliers/looks.ts'],
    ['service/new.ts', '../index.ts'],
    ['service/new.ts', '../new.ts'],
    ['service/new.ts', '../newroom/new.ts'],
    ['service/new.ts', '../../../testing/src/index.ts'],
  ])('keep %s from %s', (path, imported) => {
    expect(found(core + path, imported)).toEqual([expect.stringContaining(`${core}${path}:1 `)])
  })

  it.each(['new.ts', 'newroom/new.ts'])('have no place for %s', (path) => {
    expect(found(core + path, './base/clock.ts')).toEqual([`${core}${path} stands on no floor`])
  })

  it('are no matter of the other packages', () => {
    expect(found('packages/axios/src/new.ts', '@lb/core')).toEqual([])
  })
})

describe('the lint', () => {
  it('keeps a balancer from the floors above', () => {
    const folder = mkdtempSync(join(tmpdir(), 'floors-'))
    try {
      copyFileSync(`${root}.oxlintrc.json`, join(folder, '.oxlintrc.json'))
      const lines = unknownToBalancers.map((imported) => `export * from '${imported}'\n`)
      const path = join(folder, core, 'balancer/hashing/new.ts')
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, [...lines, "export * from '../../instance/instance.ts'\n"].join(''))
      const { stdout } = spawnSync(`${root}node_modules/.bin/oxlint`, ['--format=unix'], {
        cwd: folder,
        encoding: 'utf8',
      })
      const refused = stdout
        .split('\n')
        .flatMap((line) => /new\.ts:(\d+):.*no-restricted-imports/.exec(line)?.[1] ?? [])
      expect(refused).toEqual(unknownToBalancers.map((_, index) => String(index + 1)))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('has the same floors', () => {
    interface Override {
      readonly files: readonly string[]
      readonly rules: Record<string, [string, { patterns: { group: string[] }[] }] | undefined>
    }
    const { overrides } = JSON.parse(readFileSync(`${root}.oxlintrc.json`, 'utf8')) as { overrides: Override[] }
    for (const room of rooms.filter((name) => !name.endsWith('.ts'))) {
      const override = overrides.find(({ files }) => files.includes(`${core}${room}/**/*.ts`))
      const groups = override?.rules['no-restricted-imports']?.[1].patterns ?? []
      const closed = closedTo(room).map((name) => (name.endsWith('.ts') ? `**/${name}` : `**/${name}/**`))
      expect(new Set(groups.flatMap(({ group }) => group)), room).toEqual(new Set(['node:*', '@*/*', ...closed]))
    }
  })
})
