import type { CommandContext, TextOutput } from './command-context.ts'

/** Writes a text in bold, or in a colour. */
export type Style = (text: string) => string

/** The styles that the output has. */
export interface Styles {
  readonly bold: Style
  readonly red: Style
  readonly green: Style
  readonly yellow: Style
}

const plain: Style = (text) => text

/** Styles on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`; else every text stays as it is. Source: no-color.org. */
export function stylesFor(output: TextOutput, env: CommandContext['env']): Styles {
  const isStyled = output.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  const style = (on: number, off: number): Style => (isStyled ? (text) => `\u001b[${on}m${text}\u001b[${off}m` : plain)
  return { bold: style(1, 22), red: style(31, 39), green: style(32, 39), yellow: style(33, 39) }
}
