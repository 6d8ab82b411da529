// One source file, parsed: what the figures are counted from.
import { readFileSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** A node of the syntax tree. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

export interface SourceFile {
  /** Relative to the root of the repository. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
  readonly program: SyntaxNode
  readonly comments: readonly { readonly start: number; readonly end: number; readonly value: string }[]
  /** What it imports or exports from, types and `import()` included: paths of files of the repository, or names of packages. */
  readonly imports: readonly { readonly from: string; readonly line: number }[]
}

export function readSourceFile(path: string): SourceFile {
  return parseSourceFile(path, readFileSync(resolve(root, path), 'utf8'))
}

export function parseSourceFile(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const file = {
    path,
    text,
    lines: text.replace(/\n$/, '').split('\n'),
    program: program as unknown as SyntaxNode,
    comments,
  }
  const imports: { from: string; line: number }[] = []
  walk(file.program, (node) => {
    const from = importedFrom(file, node)
    if (from !== undefined) imports.push({ from, line: lineOf(file, node.start) })
    return undefined
  })
  return { ...file, imports }
}

/** What `node` imports or exports from. */
export function importedFrom({ path }: Pick<SourceFile, 'path'>, { source }: SyntaxNode): string | undefined {
  const from = (source as { value?: unknown } | null | undefined)?.value
  if (typeof from !== 'string') return undefined
  return from.startsWith('.') ? posix.join(posix.dirname(path), from) : from
}

/** Calls `visit` for each node below `node`, `node` first; what is below one for which it gives false is left out. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => boolean | undefined): void {
  if (visit(node) === false) return
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit)
  }
}

export function lineOf({ text }: Pick<SourceFile, 'text'>, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
