import { lineOf, type SourceFile } from './source-file.ts'

/** Lines of a Markdown file of more than `limit` characters: all but those of tables and of code. Targets of links do not count. */
export function longMarkdownLines(path: string, text: string, limit: number): string[] {
  let inCode = false
  const found: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:```|~~~)/.test(line)) inCode = !inCode
    const { length } = line.replace(/\]\([^)\s]+\)/g, ']()')
    if (inCode || length <= limit || /^\s*\|/.test(line)) continue
    found.push(`${path}:${index + 1} ${length} characters`)
  }
  return found
}

/** Lines with a comment of more than `limit` characters. */
export function longCommentLines(file: SourceFile, limit: number): string[] {
  const commented = new Set<number>()
  for (const { start, end } of file.comments) {
    for (let line = lineOf(file, start); line <= lineOf(file, end); line++) commented.add(line)
  }
  return file.lines.flatMap((line, index) =>
    commented.has(index + 1) && line.length > limit ? [`${file.path}:${index + 1} ${line.length} characters`] : [],
  )
}
