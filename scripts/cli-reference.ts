// Writes docs/reference/cli.md: every command with its flags, examples and exit codes, from the definitions that the help of `lb` is made of.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandDefinition, FlagDefinition } from '../packages/cli/src/command-definition.ts'
import { commandList } from '../packages/cli/src/command-list.ts'
import { discoveriesOfFlag, discoveryFlags } from '../packages/cli/src/discovery-flags.ts'
import { exitCodeMeanings } from '../packages/cli/src/exit-code.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

function flagTable(flags: readonly FlagDefinition[]): string {
  const rows = flags.map(({ flags: form, description }) => {
    const owners = discoveriesOfFlag.get(/--([\w-]+)/.exec(form)?.[1] ?? '')
    const of = owners === undefined ? '' : ` (${owners.map((name) => `\`--${name}\``).join(', ')})`
    return `| \`${cell(form)}\` | ${cell(description)}${of} |\n`
  })
  return `| flag | meaning |\n| --- | --- |\n${rows.join('')}`
}

function commandSection({ name, arguments: args, description, flags, examples }: CommandDefinition): string {
  const own = flags.filter((flag) => !discoveryFlags.includes(flag))
  const source = own.length < flags.length ? 'Takes a [source of instances](#sources-of-instances), and:\n\n' : ''
  const shell = examples.map(([command, meaning]) => `# ${meaning}\n${command}\n`).join('')
  return `## \`${`lb ${name} ${args}`.trim()}\`\n\n${description.replace(/\. (?=[A-Z])/g, '.\n')}\n\n${source}${flagTable(own)}\n\`\`\`sh\n${shell}\`\`\`\n`
}

/** The page, from the definitions as they are. */
export function cliReference(): string {
  const codes = exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${meaning} |\n`).join('')
  return `# The command lb

\`scripts/cli-reference.ts\` writes this page from the definitions that \`lb --help\` shows. \`npx @lb/cli\` runs the command without an
installation.

Data are on standard output; progress, warnings and errors are on standard error, an error in one line with a remedy. \`--debug\` adds its
stack. Colours are on terminals only, and not if \`NO_COLOR\` is set. Names and metadata cannot drive the terminal: control characters are
shown as \`\\u{1b}\`. Tokens and passwords are in no output.

## Exit codes

| code | meaning |
| --- | --- |
${codes}
If the reader of a pipe goes away, as in \`lb watch users --consul | head -1\`, the command ends quietly with 0.

## Sources of instances

One of the first ten flags says where instances come from; the others are options of it. Values of several flags are separated by commas. A
flag whose value may be left out stands after the arguments.

${flagTable(discoveryFlags)}
${commandList.map(commandSection).join('\n')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(fileURLToPath(new URL('..', import.meta.url)), 'docs/reference/cli.md'), cliReference())
}
