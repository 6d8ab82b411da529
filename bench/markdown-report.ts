import { machine } from './machine.ts'
import { type Target, targetLines } from './target.ts'

const longestLine = 120

/** What one benchmark has to report. */
export interface ReportParts {
  readonly title: string
  /** The command without `pnpm`, such as `bench:pick`. */
  readonly command: string
  /** How it was measured, in sentences. */
  readonly intro: readonly string[]
  /** Headings, tables and lines between the introduction and the targets. */
  readonly body: readonly string[]
  readonly targets?: readonly Target[]
  readonly notes?: readonly string[]
}

/** The findings as Markdown that also reads well in a terminal. */
export function markdownReport({ title, command, intro, body, targets = [], notes = [] }: ReportParts): string {
  const lines = [
    `# ${title}`,
    '',
    `\`pnpm ${command}\`, ${machine()}. ${intro.join(' ')}`,
    '',
    ...body,
    ...section('Targets', targetLines(targets)),
    ...section(
      'Notes',
      notes.map((note) => `- ${note}`),
    ),
  ]
  return lines
    .flatMap((line) => line.split('\n'))
    .map(wrapped)
    .join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, '', ...lines, '']
}

/** A long line of prose as several; those of a list item are indented. */
function wrapped(line: string): string {
  if (line.length <= longestLine || line.startsWith('|')) return line
  const indent = /^(?:- | *)/.exec(line)?.[0].replace('-', ' ') ?? ''
  const lines: string[] = []
  let current = ''
  for (const word of line.trimEnd().split(' ')) {
    if (current.trim() !== '' && current.length + word.length >= longestLine) {
      lines.push(current)
      current = indent + word
    } else {
      current = current === '' ? word : `${current} ${word}`
    }
  }
  return [...lines, current].join('\n')
}
