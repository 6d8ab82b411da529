import { extname } from 'node:path'
import { DiscoveryError } from '@lb/core'
import { parse as parseYaml } from 'yaml'

/** The entries of a file, unchecked. Source: Prometheus, configuration, `file_sd_config`. */
export type TargetGroups = readonly unknown[]

type Format = (text: string) => unknown

const formats: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['.json', (text) => JSON.parse(text)],
  // The number of aliases is bounded, and no line of the file is shown.
  ['.yaml', (text) => parseYaml(text, { prettyErrors: false, logLevel: 'error' })],
  ['.yml', (text) => parseYaml(text, { prettyErrors: false, logLevel: 'error' })],
])

/** Endings of files, in the order in which they are looked for. */
export const endings: readonly string[] = [...formats.keys()]

/** How a file of that name is read; `undefined` when its ending says nothing. */
export function formatOf(path: string): Format | undefined {
  return formats.get(extname(path).toLowerCase())
}

/** @throws DiscoveryError for a text without a list of groups, also for an empty one: it may be in the middle of being written */
export function parseTargetGroups(path: string, text: string): TargetGroups {
  let content: unknown
  try {
    content = formatOf(path)?.(text)
  } catch {
    throw new DiscoveryError(
      `${path} is no ${/\.json$/i.test(path) ? 'JSON' : 'YAML'}. Write it beside its place, and rename it`,
    )
  }
  if (Array.isArray(content)) return content
  throw new DiscoveryError(`${path} holds no list of groups. A service without instances is an empty list: []`)
}
