import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

/** Packages of this repository are their sources, so that no build is needed. */
const hooks = `
  import { registerHooks } from 'node:module'
  registerHooks({
    resolve(specifier, context, next) {
      const name = /^@lb\\/([a-z-]+)$/.exec(specifier)?.[1]
      return next(name === undefined ? specifier : new URL(name + '/src/index.ts', '${new URL('../../', import.meta.url).href}').href, context)
    },
  })`
const nodeArguments = ['--import', `data:text/javascript,${encodeURIComponent(hooks)}`, '--input-type=module', '--eval']

/** Runs a program in a process of its own, and gives what it printed. */
export async function runOnSources(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [...nodeArguments, program], { timeout: 20_000 })
  return stdout.trim()
}

/** Starts one that goes on. */
export function startOnSources(program: string): ChildProcess {
  return spawn(process.execPath, [...nodeArguments, program], { stdio: ['ignore', 'pipe', 'inherit'] })
}
