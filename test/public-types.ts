import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** One optional property of a public type. */
export interface OptionalProperty {
  /** Such as `@lb/core RetryOptions.maxRetries`. */
  readonly path: string
  /** Its type, as it is written. */
  readonly type: string
}

/** The files of `src` that are entry points of a package, where they are there. */
const entries = ['index.ts', 'authoring.ts']

/** The names that an entry point exports, each with the file that declares it. */
function publicNames(entry: string): Map<string, string> {
  const names = new Map<string, string>()
  const text = readFileSync(entry, 'utf8')
  for (const [, list = '', from = ''] of text.matchAll(/export (?:type )?\{([^}]*)\} from '(\.[^']+)'/g)) {
    for (const each of list.split(',')) {
      const [name = ''] = each
        .replace(/\btype\b/, '')
        .trim()
        .split(' as ')
      if (name !== '') names.set(name, resolve(dirname(entry), from))
    }
  }
  return names
}

/** The text between the brace at `open` and the one that closes it. */
function braced(text: string, open: number): string {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return text.slice(open + 1, at)
  }
  return text.slice(open + 1)
}

/** The type that begins at `start`: to the end of the line, or of the braces and parentheses that it opens. */
function typeAt(text: string, start: number): string {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string
    if (depth === 0 && (character === ';' || character === '}' || character === ')' || character === ','))
      return text.slice(start, at)
    if ('{([<'.includes(character)) depth++
    else if ('})]'.includes(character) || (character === '>' && text[at - 1] !== '=')) depth--
    else if (
      depth === 0 &&
      character === '\n' &&
      !/^\s*[|&]/.test(text.slice(at + 1)) &&
      text.slice(start, at).trim() !== ''
    ) {
      return text.slice(start, at)
    }
  }
  return text.slice(start)
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '')
}

/** What `declaration`, an interface, a type or a class, lets its user leave out. */
function optionalIn(text: string, name: string): { name: string; type: string }[] {
  const body = declarationOf(text, name)
  return Array.from(body.matchAll(/(?:^|[{;]|\breadonly)\s*(\w+)\?:/gm), (match) => ({
    name: match[1] as string,
    type: typeAt(body, (match.index as number) + match[0].length).trim(),
  }))
}

function declarationOf(text: string, name: string): string {
  const contract = new RegExp(String.raw`export interface ${name}\b[^{]*`).exec(text)
  if (contract !== null) return `{${braced(text, contract.index + contract[0].length)}`
  const alias = new RegExp(String.raw`export type ${name}\b[^=]*=`).exec(text)
  if (alias !== null)
    return text
      .slice(alias.index + alias[0].length)
      .split(/^(?:export|function|const|class|interface|type)\b/m)[0] as string
  return ''
}

/** The optional properties of every type that a package of the project exports. */
export function optionalProperties(packages: string): OptionalProperty[] {
  return readdirSync(packages)
    .flatMap((folder) => entries.map((entry) => ({ folder, entry: join(packages, folder, 'src', entry) })))
    .filter(({ entry }) => statSync(entry, { throwIfNoEntry: false }) !== undefined)
    .flatMap(({ folder, entry }) =>
      Array.from(publicNames(entry)).flatMap(([name, file]) =>
        optionalIn(withoutComments(readFileSync(file, 'utf8')), name).map((property) => ({
          path: `@lb/${folder} ${name}.${property.name}`,
          type: property.type,
        })),
      ),
    )
}
