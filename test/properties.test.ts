import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './markdown.ts'

const suites = ['packages', 'apps', 'test-servers']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  )
  .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .filter((file) => readFileSync(join(root, file), 'utf8').includes('fc.assert('))

it('there are suites with properties', () => {
  expect(suites.length).toBeGreaterThan(30)
})

// A property that fails is to fail in every run, and one that holds in none: `pnpm fuzz` looks further.
it.each(suites)('the properties of %s have a fixed seed', (file) => {
  const text = readFileSync(join(root, file), 'utf8')
  expect(text).toMatch(/\bseed: \d|\bchurnRuns\b/)
  expect(text).not.toMatch(/\{ numRuns:/)
})
