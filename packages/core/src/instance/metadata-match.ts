import type { ServiceInstance } from './instance.ts'

/** What the metadata of an instance must say, by key. A key that is `undefined` says nothing. */
export type MetadataMatch = Readonly<Record<string, string | undefined>>

/** Whether the metadata of `instance` say all of `values`. */
export function isMatch({ metadata }: ServiceInstance, values: MetadataMatch): boolean {
  return Object.entries(values).every(([key, value]) => metadata[key] === value)
}

/** The longest value that a message shows: values come from requests. */
const longestShown = 64

/** `values` for people, such as `version "v2"`. */
export function matchText(values: MetadataMatch): string {
  const cut = (value = ''): string => (value.length > longestShown ? `${value.slice(0, longestShown)}…` : value)
  return Object.entries(values)
    .map(([key, value]) => `${key} ${JSON.stringify(cut(value))}`)
    .join(', ')
}
