// One source file, parsed: what the figures are counted from.
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
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
  /** Paths of the files of the repository that it imports or exports from, types included. */
  readonly imports: readonly string[]
}

export function readSourceFile(path: string): SourceFile {
  const text = readFileSync(resolve(root, path), 'utf8')
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const tree = program as unknown as SyntaxNode
  const imports = (tree['body'] as readonly SyntaxNode[])
    .map(({ source }) => (source as { value?: unknown } | null | undefined)?.value)
    .filter((source) => typeof source === 'string')
    .filter((source) => source.startsWith('.'))
    .map((source) => relative(root, resolve(root, dirname(path), source)))
  return { path, text, lines: text.split('\n'), program: tree, comments, imports }
}

/** Calls `visit` for each node below `node`, `node` first; what is below one for which it gives false is left out. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => boolean | undefined): void {
  if (visit(node) === false) return
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit)
  }
}

export function lineOf({ text }: SourceFile, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}
