import type { GivenOptions } from './given-options.ts'

/** How data are written: for people, or for programs. */
export type OutputFormat = 'table' | 'json'

/** The format of `--output`. */
export function outputFormat(options: GivenOptions): OutputFormat {
  return options.choice('output', ['table', 'json']) ?? 'table'
}
