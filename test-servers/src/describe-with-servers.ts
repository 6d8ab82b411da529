import { describe, it } from 'vitest'
import { findBinary } from './server-binaries.ts'
import { TestNetwork } from './test-network.ts'

/**
 * A suite that needs real servers. Without them it says that it did not run, on a line of its own and as a skipped test, and
 * fails where `CI` is set.
 */
export function describeWithServers(name: string, programs: readonly string[], body: () => void): void {
  describeUnless(missingPrograms(programs), name, body)
}

/** A suite that also needs a `TestNetwork`, and so root. Without it, the same as above. */
export function describeWithNetwork(name: string, programs: readonly string[], body: () => void): void {
  describeUnless(missingPrograms(programs) ?? TestNetwork.unavailable(), name, body)
}

function missingPrograms(programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => findBinary(program) === undefined)
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed; run scripts/install-test-servers.sh`
}

/** The only place that decides what happens to a suite that cannot run. */
function describeUnless(reason: string | undefined, name: string, body: () => void): void {
  if (reason === undefined) {
    describe(name, body)
    return
  }
  const message = `NOT RUN: ${name}: ${reason}`
  process.stderr.write(`\n${message}\n`)
  describe(name, () => {
    it(message, ({ skip }) => {
      if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(message)
      skip(message)
    })
  })
}
