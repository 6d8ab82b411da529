// The public API of each package as its users' compiler sees it, in api-reports/: a change of it fails here until it is accepted by
// `pnpm api:accept`. Reads what the build wrote.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = `${root}api-reports/`

/** The declarations of a package without comments, private members, and what its files are to each other. */
function report(name: string): string {
  const dist = `${root}packages/${name}/dist/`
  const files = readdirSync(dist).filter((file) => file.endsWith('.d.ts'))
  return files
    .sort()
    .map(
      (file) =>
        `// ${withoutHash(file)}\n${withoutHash(withoutChunks(withoutComments(readFileSync(dist + file, 'utf8')), file))}`,
    )
    .join('\n')
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*(?:\/\/.*|#private;|private .*;)?\n/gm, '')
}

/** The short names by which files of a package import from each other change with every export. */
function withoutChunks(text: string, file: string): string {
  const imports = text.replace(/^import \{[^}]*\} from "\.\/.*";\n/gm, '')
  return withoutHash(file) === file ? imports : imports.replace(/^export \{[^}]*\};\n/gm, '')
}

function withoutHash(text: string): string {
  return text.replace(/([\w-]+)-[\w-]{8}(\.d\.ts|\.js)/g, '$1$2')
}

const accept = process.argv.includes('--accept')
const packages = readdirSync(`${root}packages`).filter((name) => existsSync(`${root}packages/${name}/package.json`))
const unbuilt = packages.filter((name) => !existsSync(`${root}packages/${name}/dist/index.d.ts`))
if (unbuilt.length > 0) {
  console.error(`Not built: ${unbuilt.join(', ')}. Run: pnpm build`)
  process.exit(1)
}
const changed: string[] = []
mkdirSync(folder, { recursive: true })
for (const name of packages) {
  const file = `${folder}${name}.txt`
  const now = report(name)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (now === before) continue
  changed.push(name)
  if (accept) writeFileSync(file, now)
  else {
    const [known, present] = [before.split('\n'), now.split('\n')]
    for (const line of known.filter((each) => !present.includes(each))) console.error(`${name}: - ${line}`)
    for (const line of present.filter((each) => !known.includes(each))) console.error(`${name}: + ${line}`)
  }
}
if (accept) console.log(`accepted: ${changed.join(', ') || 'nothing changed'}`)
else if (changed.length > 0) {
  console.error(`The public API of ${changed.join(', ')} changed. If that is intended: pnpm build && pnpm api:accept`)
  process.exitCode = 1
} else console.log(`the public API of ${packages.length} packages is as accepted`)
