// The version of lb, by which figures are dated that are measured now and then.
import { readFileSync } from 'node:fs'

/** That of core: all packages have the same. */
export const lbVersion: string = JSON.parse(
  readFileSync(new URL('../packages/core/package.json', import.meta.url), 'utf8'),
).version
