// A canary of 5, 20 and 100 % by the command `lb`, while a gateway serves requests. Ends by itself.
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startGateway } from './gateway.ts'

const token = 'let-me-in'
const requestsPerStep = 200

const gateway = await startGateway(token)

const manifest = createRequire(import.meta.url).resolve('@lb/cli/package.json')
const program = join(dirname(manifest), 'dist/lb.js')

/** Runs `lb` as a shell would, with the token in a variable. */
async function lb(line: string): Promise<void> {
  console.log(`$ lb ${line}`)
  const env = { ...process.env, LB_TOKEN: token, NO_COLOR: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...line.split(' ')], { env })
  console.log(stdout.trimEnd())
}

/** Sends requests through the gateway, and shows which version they reach. */
async function showTraffic(): Promise<void> {
  const versions = await Promise.all(
    Array.from({ length: requestsPerStep }, async () => {
      const response = await fetch(gateway.url)
      if (!response.ok) throw new TypeError(`a request was lost: ${response.status}`)
      return await response.text()
    }),
  )
  const canary = versions.filter((version) => version === 'canary').length
  console.log(`  of ${requestsPerStep} requests, ${canary} reach the canary\n`)
}

try {
  const url = `--url ${gateway.dashboardUrl}`
  await showTraffic()
  await lb(`top user-service ${url} --once`)
  for (const share of [5, 20, 100]) {
    await lb(`shares user-service canary=${share} stable=${100 - share} ${url}`)
    await showTraffic()
  }
  await lb(`shares user-service --clear ${url}`)
  await lb(`drain user-service ${gateway.stableInstance} ${url}`)
  await showTraffic()
} finally {
  await gateway.close()
}
