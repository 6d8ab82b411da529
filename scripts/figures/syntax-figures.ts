// What is counted in the syntax tree of one file.
import { lineOf, type SourceFile, type SyntaxNode, walk } from './source-file.ts'

/** Assertions of another type: `as`, `<type>` and `!`, but not `as const`. */
export function casts(file: SourceFile): string[] {
  return places(file, (node) => {
    if (node.type === 'TSNonNullExpression' || node.type === 'TSTypeAssertion') return 'cast'
    if (node.type !== 'TSAsExpression') return undefined
    const type = node['typeAnnotation'] as SyntaxNode
    return file.text.slice(type.start, type.end) === 'const' ? undefined : 'cast'
  })
}

/** `throw new Error`, which carries no code. */
export function bareErrors(file: SourceFile): string[] {
  return places(file, (node) => {
    if (node.type !== 'ThrowStatement') return undefined
    const { type, callee } = node['argument'] as SyntaxNode & { callee?: { name?: string } }
    return type === 'NewExpression' && callee?.name === 'Error' ? 'throw new Error' : undefined
  })
}

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/** Functions of more than `limit` lines, the longest first. */
export function longFunctions(file: SourceFile, limit: number): { readonly lines: number; readonly place: string }[] {
  const found: { lines: number; place: string }[] = []
  walk(file.program, (node) => {
    if (!functionTypes.has(node.type)) return undefined
    const first = lineOf(file, node.start)
    const lines = lineOf(file, node.end) - first + 1
    if (lines > limit) found.push({ lines, place: `${file.path}:${first} ${lines} lines` })
    return undefined
  })
  return found
}

function places(file: SourceFile, what: (node: SyntaxNode) => string | undefined): string[] {
  const found: string[] = []
  walk(file.program, (node) => {
    const name = what(node)
    if (name !== undefined) found.push(`${file.path}:${lineOf(file, node.start)} ${name}`)
    return undefined
  })
  return found
}
