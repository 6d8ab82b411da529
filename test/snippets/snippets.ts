import { readMarkdown } from '../markdown.ts'

/** A TypeScript block of a document. */
export interface Snippet {
  /** What a reader knows before it: code that declares it. */
  readonly before: string
  readonly code: string
  /** The line of its first line of code, from 1. */
  readonly line: number
}

/**
 * The TypeScript blocks of a document, each with what a reader knows before it: the names that blocks above import, and what a comment
 * before the block gives (`<!-- given: declare const users: Proxy -->`).
 */
export function snippetsOf(path: string): Snippet[] {
  const text = readMarkdown(path)
  const known = new Map<string, string>()
  return Array.from(text.matchAll(/(?:^<!-- given: ([\s\S]*?) -->\n+)?^```ts\b[^\n]*\n([\s\S]*?)^```/gm), (match) => {
    const { 0: block, 1: given = '', 2: code = '', index } = match
    const own = new Map([...importsOf(given), ...importsOf(code)])
    const before = Array.from(known, ([name, statement]) => (own.has(name) ? [] : statement)).flat()
    for (const [name, statement] of own) known.set(name, statement)
    const line = text.slice(0, index + block.indexOf('```') + 1).split('\n').length + 1
    return { before: [...before, given].join('\n'), code, line }
  })
}

/** Each name that `code` imports, with a statement that imports that name alone. */
function importsOf(code: string): Map<string, string> {
  const found = new Map<string, string>()
  const statements = code.matchAll(/^import (type )?(?:(\w+)(?:, )?)?(?:\{([^}]*)\} )?\s*from ('[^']+')$/gm)
  for (const [, type = '', whole, names = '', from] of statements) {
    if (whole !== undefined) found.set(whole, `import ${type}${whole} from ${from}`)
    for (const name of names.split(',').map((each) => each.trim())) {
      const local = name.split(' ').at(-1)
      if (local !== undefined && local !== '') found.set(local, `import ${type}{ ${name} } from ${from}`)
    }
  }
  return found
}
