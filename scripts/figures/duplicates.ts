import type { SourceFile } from './source-file.ts'

interface Line {
  readonly path: string
  readonly number: number
  readonly text: string
}

/** Runs of more than `limit` lines of code that stand in two places, word for word but for indentation; imports do not count. */
export function duplicates(files: readonly SourceFile[], limit: number): string[] {
  const length = limit + 1
  const seen = new Map<string, Line>()
  const found: string[] = []
  for (const file of files) {
    const lines = codeLines(file)
    let coveredUntil = -1
    for (let index = 0; index + length <= lines.length; index++) {
      const run = lines.slice(index, index + length)
      const key = run.map(({ text }) => text).join('\n')
      const first = run[0] as Line
      const before = seen.get(key)
      if (before === undefined) seen.set(key, first)
      else if (index > coveredUntil) {
        found.push(`${first.path}:${first.number} as at ${before.path}:${before.number}`)
        coveredUntil = index + length
      }
    }
  }
  return found
}

/** Its lines without comments, imports, blank lines and lone punctuation. */
function codeLines({ path, lines, program, comments, text }: SourceFile): Line[] {
  const skipped = new Set<number>()
  const skip = (start: number, end: number): void => {
    const first = text.slice(0, start).split('\n').length
    const last = text.slice(0, end).split('\n').length
    for (let number = first; number <= last; number++) skipped.add(number)
  }
  for (const comment of comments) skip(comment.start, comment.end)
  for (const { type, source, start, end } of program['body'] as readonly { [field: string]: unknown }[] &
    SourceFile['program'][]) {
    if (type === 'ImportDeclaration' || (type === 'ExportNamedDeclaration' && source !== null)) skip(start, end)
  }
  return lines.flatMap((line, index) => {
    const code = line.trim()
    return skipped.has(index + 1) || /^[\s{}()[\],;]*$/.test(code) ? [] : [{ path, number: index + 1, text: code }]
  })
}
