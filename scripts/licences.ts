// The licences of everything that the packages bring along: one that is not allowed here fails.
import { execFileSync } from 'node:child_process'

// MPL-2.0 is that of a part of Vite, which comes with Vitest, a peer of @lb/testing.
const allowed: ReadonlySet<string> = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  '(MIT OR CC0-1.0)',
  'MPL-2.0',
])

const json = execFileSync('pnpm', ['licenses', 'list', '--prod', '--json', '--filter', './packages/*'], {
  encoding: 'utf8',
})
const byLicence: Record<string, { readonly name: string }[]> = JSON.parse(json)
const refused = Object.entries(byLicence).filter(([licence]) => !allowed.has(licence))
for (const [licence, packages] of refused) console.error(`${licence}: ${packages.map(({ name }) => name).join(', ')}`)
if (refused.length > 0) process.exitCode = 1
else console.log(`${Object.values(byLicence).flat().length} packages, by ${Object.keys(byLicence).join(', ')}`)
