import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

/** Where `scripts/install-test-servers.sh` puts what no package manager has, and where servers are that PATH leaves out. */
const furtherFolders = [
  fileURLToPath(new URL('../../../../.tools/servers/consul/usr/bin', import.meta.url)),
  '/usr/sbin',
  '/sbin',
]

/** The path of a program, or `undefined` when it is not installed. */
function findBinary(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...furtherFolders]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** The path of a program that `describeWithServers` found. */
export function binary(name: string): string {
  const path = findBinary(name)
  if (path === undefined) throw new Error(`${name} is not installed; run scripts/install-test-servers.sh`)
  return path
}

/**
 * A suite that needs real servers. This is the only place that decides what happens without them: the suite says that it
 * did not run, on a line of its own and as a skipped test, and fails where `CI` is set.
 */
export function describeWithServers(name: string, programs: readonly string[], body: () => void): void {
  const missing = programs.filter((program) => findBinary(program) === undefined)
  if (missing.length === 0) {
    describe(name, body)
    return
  }
  const message = `NOT RUN: ${name}: ${missing.join(', ')} not installed; run scripts/install-test-servers.sh`
  process.stderr.write(`\n${message}\n`)
  describe(name, () => {
    it(message, ({ skip }) => {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(message)
      skip(message)
    })
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
