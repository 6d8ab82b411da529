/**
 * Reverse proxies side by side in one run: `pnpm bench:proxy`. It runs the built packages, as users get them, so `pnpm build` comes
 * first; wrk and nginx must be installed. `--seconds`, `--warmup` and `--rounds` take longer or shorter; `--write` writes
 * `bench/results/proxy.md`. Ends with 1 when a target is missed.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { contenders } from './contenders.ts'
import { type LoadResult, load } from './load.ts'
import { type KillResult, type ProxyResult, report, targets } from './report.ts'
import { type RunningProxy, startBackends, startContender, startNginxProxy } from './servers.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    warmup: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const rounds = Number(values.rounds)
const names = [...Object.keys(contenders), 'nginx, one worker']

function start(name: string, backends: readonly string[]): Promise<RunningProxy> {
  return name in contenders ? startContender(name, backends) : startNginxProxy(backends)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

/** Interleaved, so that what disturbs the machine disturbs everybody. */
async function compare(path: string): Promise<ProxyResult[]> {
  const { addresses, nginxes } = await startBackends()
  const proxies = new Map<string, RunningProxy>()
  for (const name of names) {
    const proxy = await start(name, addresses)
    proxies.set(name, proxy)
    // Until the compiler has seen everything: more code takes longer.
    await load(proxy.port, path, Number(values.warmup))
  }
  const runs = new Map<string, (LoadResult & { cpuUs: number })[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, proxy] of proxies) {
      // While the others ran, the engine threw away part of what it had compiled.
      await load(proxy.port, path, seconds)
      const before = await proxy.cpuUs()
      const result = await load(proxy.port, path, seconds)
      runs.get(name)?.push({ ...result, cpuUs: (await proxy.cpuUs()) - before })
    }
  }
  for (const each of [...proxies.values(), ...nginxes]) await each.stop()
  return Array.from(runs, ([name, each]) => ({
    name,
    requestsPerSecond: median(each.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Ms: median(each.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(each.map(({ p99Ms }) => p99Ms)),
    cpuUsPerRequest: median(each.map(({ cpuUs, requests }) => cpuUs / requests)),
    failures: each.reduce((sum, { failures }) => sum + failures, 0),
  }))
}

async function kill(name: string): Promise<KillResult> {
  const { addresses, nginxes } = await startBackends()
  const proxy = await start(name, addresses)
  await load(proxy.port, '/small', 1)
  const timer = setTimeout(() => nginxes[0]?.child.kill('SIGKILL'), 1_000)
  const { requests, failures } = await load(proxy.port, '/small', 4)
  clearTimeout(timer)
  for (const each of [proxy, ...nginxes]) await each.stop()
  return { name, requests, failures }
}

const small = await compare('/small')
const large = await compare('/64k')
const kills: KillResult[] = []
for (const name of names) kills.push(await kill(name))
const found = { small, large, kills }
const text = report(found, seconds, rounds)
console.log(text)
if (values.write) {
  const results = new URL('../results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL('proxy.md', results), text)
}
process.exitCode = targets(found).every(({ met }) => met) ? 0 : 1
