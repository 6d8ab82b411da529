// The example programs of apps/, for `npm run example`. Needs no dependency: the list is read before anything is installed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const prefix = 'example-'

/** The examples by name: what each of them says about itself, and the file that its `start` runs, from the root. */
export function examples(root) {
  const apps = join(root, 'apps')
  const found = new Map()
  for (const folder of readdirSync(apps).sort()) {
    const manifest = join(apps, folder, 'package.json')
    if (!folder.startsWith(prefix) || !existsSync(manifest)) continue
    const { description, scripts } = JSON.parse(readFileSync(manifest, 'utf8'))
    found.set(folder.slice(prefix.length), {
      description,
      entry: join('apps', folder, scripts.start.replace(/^node /, '')),
    })
  }
  return found
}

/** What `npm run example` prints. */
export function exampleList(root) {
  const found = examples(root)
  const width = Math.max(...Array.from(found.keys(), (name) => name.length))
  const lines = Array.from(found, ([name, { description }]) => `  ${name.padEnd(width)}  ${description}`)
  return ['Examples, each run by `npm run example <name>`:', '', ...lines, ''].join('\n')
}
