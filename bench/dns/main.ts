/**
 * How fast changes of DNS records are followed, and what that costs: `pnpm bench:dns`. It runs the built packages, as users
 * get them, so `pnpm build` comes first. `--seconds` takes longer or shorter for each measurement; `--write` writes
 * `bench/results/dns.md`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { measureChanges } from './changes.ts'
import { NameServerProcess } from './name-server-process.ts'
import { measureRefreshes, type RefreshCost } from './refreshes.ts'
import { report } from './report.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, write: { type: 'boolean', default: false } },
})
const seconds = Number(values.seconds)
const server = await NameServerProcess.start()

console.error('changing records')
const setups = [1, 2, 5].flatMap((ttlSeconds) => [false, true].map((cached) => ({ ttlSeconds, cached })))
// All at once: none of them does anything but wait.
const changes = await Promise.all(setups.map((setup) => measureChanges(server, setup, seconds)))

const refreshes: RefreshCost[] = []
for (const ttlSeconds of [1, 5, 30]) {
  for (const cached of [false, true]) {
    console.error(`following 1000 services, ${ttlSeconds} s, ${cached ? 'cached' : 'asked itself'}`)
    refreshes.push(await measureRefreshes(server, { services: 1_000, instances: 10, ttlSeconds, cached }, seconds))
  }
}
server.stop()

const text = report({ changes, refreshes })
console.log(text)
if (values.write) {
  const results = new URL('../results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('dns.md', results), text)
}
