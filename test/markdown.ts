import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('..', import.meta.url))

// `api` is written by TypeDoc.
const ignored: ReadonlySet<string> = new Set([
  'api',
  'node_modules',
  'dist',
  '.git',
  '.tools',
  '.changeset',
  '.turbo',
  '.vitepress',
])

/** Every Markdown file of the repository, as paths from its root. */
export function markdownFiles(folder = ''): string[] {
  return readdirSync(root + folder, { withFileTypes: true }).flatMap((entry) => {
    if (ignored.has(entry.name)) return []
    const path = `${folder}${entry.name}`
    if (entry.isDirectory()) return markdownFiles(`${path}/`)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

export function readMarkdown(path: string): string {
  return readFileSync(root + path, 'utf8')
}

/** The code of the `index`-th TypeScript block. */
export function typescriptBlock(path: string, index = 0): string {
  const blocks = Array.from(readMarkdown(path).matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code]) => code ?? '')
  const block = blocks[index]
  if (block === undefined) throw new RangeError(`${path} has no TypeScript block ${index}`)
  return block
}
