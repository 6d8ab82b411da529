import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The binary of `name`, installed in `folder`: it lies in a package for this platform, beside the one that asks for it. */
export function platformBinary(folder: string, name: string): string {
  const installed = realpathSync(join(folder, 'node_modules', name))
  const manifest: { optionalDependencies?: object } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const files = Object.keys(manifest.optionalDependencies ?? {}).flatMap((each) =>
    [`bin/${name}`, name].map((file) => join(dirname(installed), each, `${file}${suffix}`)),
  )
  const found = files.find((file) => existsSync(file))
  if (found === undefined) throw new Error(`the package ${name} has no binary for ${process.platform}-${process.arch}`)
  return found
}
