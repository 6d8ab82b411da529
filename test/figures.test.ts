import { describe, expect, it } from 'vitest'
import { circles } from '../scripts/figures/circles.ts'
import { publicNames } from '../scripts/figures/documentation.ts'
import { duplicates } from '../scripts/figures/duplicates.ts'
import { allowed } from '../scripts/figures/figure.ts'
import { longCommentLines, longMarkdownLines } from '../scripts/figures/prose.ts'
import { parseSourceFile, type SourceFile } from '../scripts/figures/source-file.ts'
import { bareErrors, casts, longFunctions } from '../scripts/figures/syntax-figures.ts'

function source(text: string, path = 'a.ts'): SourceFile {
  return parseSourceFile(path, text)
}

/** `lines` lines, each another statement that begins with `start`. */
function statements(lines: number, start = 'run'): string {
  return Array.from({ length: lines }, (_, index) => `  ${start}${index}()\n`).join('')
}

describe('the figures', () => {
  it('count each cast, and no as const', () => {
    const text = 'const a = b as string\nconst c = <string>d\nconst e = f!.g\nconst h = [1] as const\n'
    expect(casts(source(text))).toEqual(['a.ts:1 cast', 'a.ts:2 cast', 'a.ts:3 cast'])
  })

  it('count errors without a code', () => {
    const text = "throw new Error('no')\nthrow new TypeError('no')\nconst error = new Error('no')\nthrow error\n"
    expect(bareErrors(source(text))).toEqual(['a.ts:1 throw new Error'])
  })

  it('count functions from their first line to their last', () => {
    const text = `function named() {\n${statements(48)}}\nconst arrow = () => {\n${statements(49)}}\n`
    expect(longFunctions(source(text), 50)).toEqual([{ lines: 51, place: 'a.ts:51 51 lines' }])
  })

  it('count the lines of a file without the empty one after its last', () => {
    expect(source('const a = 1\nconst b = 2\n').lines).toHaveLength(2)
  })

  it('count circles of imports, of types and in calls too', () => {
    const files = [
      source("import type { B } from './b.ts'\n", 'src/a.ts'),
      source("export { c } from './room/c.ts'\n", 'src/b.ts'),
      source("const a = import('../a.ts')\n", 'src/room/c.ts'),
      source("import { d } from './a.ts'\nexport type E = import('./e.ts').E\n", 'src/d.ts'),
      source("import type { D } from './d.ts'\n", 'src/e.ts'),
    ]
    expect(circles(files)).toEqual(
      expect.arrayContaining(['src/a.ts ↔ src/b.ts ↔ src/room/c.ts', 'src/d.ts ↔ src/e.ts']),
    )
    expect(circles(files)).toHaveLength(2)
  })

  it('count public names and members without a doc comment', () => {
    const files = [
      source("export { Bare, type Said } from './room/names.ts'\nexport * from './more.ts'\n", 'src/index.ts'),
      source(
        `
export class Bare { constructor(private readonly hidden: string) {} private own = 1; shown = 2 }
/** Said. */
export interface Said {
  /** Said. */
  first: string
  second: string
}
export interface Unseen { third: string }
`,
        'src/room/names.ts',
      ),
      source('// No doc comment.\nexport type Shape = { side: number }\n', 'src/more.ts'),
    ]
    const { names, undocumented } = publicNames('src/index.ts', new Map(files.map((file) => [file.path, file])))
    expect(names).toEqual(['Bare', 'Said', 'Shape'])
    expect(undocumented).toEqual([
      'src/room/names.ts Bare',
      'src/room/names.ts Bare.shown',
      'src/room/names.ts Said.second',
      'src/more.ts Shape',
      'src/more.ts Shape.side',
    ])
  })

  it('count long lines of prose, and neither code nor tables', () => {
    const long = 'x'.repeat(161)
    const markdown = `${long}\n| ${long} |\n\`\`\`\n${long}\n\`\`\`\n${long.slice(1)}\n`
    expect(longMarkdownLines('a.md', markdown, 160)).toEqual(['a.md:1 161 characters'])
    const text = `// ${long}\n/**\n * ${long}\n */\nconst text = '${long}'\nconst a = 1 // ${long}\n`
    expect(longCommentLines(source(text), 160)).toEqual([
      'a.ts:1 164 characters',
      'a.ts:3 164 characters',
      'a.ts:6 176 characters',
    ])
  })

  it('count a run of duplicate lines once, however it is indented, and no imports', () => {
    const imports = Array.from({ length: 12 }, (_, index) => `import { a${index} } from './a${index}.ts'\n`).join('')
    const run = statements(12)
    const files = [
      source(`${imports}${run}`, 'a.ts'),
      source(`${imports}{\n// Another comment.\n${run.replaceAll('  run', '    run')}}\n`, 'b.ts'),
      source(`${statements(10)}${statements(10, 'other')}`, 'c.ts'),
    ]
    expect(duplicates(files, 10)).toEqual(['b.ts:15 as at a.ts:13'])
  })

  it('may be what they are today where that is above the target', () => {
    expect(allowed({ target: 4 })).toBe(4)
    expect(allowed({ target: 4, today: 9 })).toBe(9)
    expect(allowed({ target: 4, today: 2 })).toBe(4)
  })
})
