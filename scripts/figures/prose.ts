import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { root, type SourceFile } from './source-file.ts'

const longestProseLine = 160

/** Lines of a Markdown file that are too long: all but those of tables and of code. */
export function longMarkdownLines(path: string): string[] {
  let inCode = false
  const found: string[] = []
  for (const [index, line] of readFileSync(resolve(root, path), 'utf8').split('\n').entries()) {
    if (/^\s*(?:```|~~~)/.test(line)) inCode = !inCode
    if (inCode || line.length <= longestProseLine || /^\s*\|/.test(line)) continue
    found.push(`${path}:${index + 1} ${line.length} characters`)
  }
  return found
}

/** Lines of a source file with a comment that are too long. */
export function longCommentLines({ path, lines }: SourceFile): string[] {
  return lines.flatMap((line, index) => {
    const isComment = /^\s*(?:\/\/|\/?\*)/.test(line)
    return isComment && line.length > longestProseLine ? [`${path}:${index + 1} ${line.length} characters`] : []
  })
}
