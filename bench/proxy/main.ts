/**
 * Reverse proxies side by side in one run: `pnpm bench:proxy`. It runs the built packages, as users get them, so `pnpm build` comes
 * first; wrk and nginx must be installed. `--seconds`, `--warmup` and `--rounds` take longer or shorter; `--quick` is short, without
 * large bodies; `--write` writes `bench/results/proxy.md`. Ends with 1 when a target is missed.
 */
import { parseArgs } from 'node:util'
import { startBackends } from '../backends.ts'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { contenders } from './contenders.ts'
import { load } from './load.ts'
import { type KillResult, type ProxyResult, type ProxyRound, report, targets } from './report.ts'
import { type RunningProxy, startContender, startNginxProxy } from './servers.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    warmup: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const { quick } = values
const seconds = Number(values.seconds ?? 1)
const warmup = Number(values.warmup ?? (quick ? 1 : 4))
const rounds = Number(values.rounds ?? (quick ? 3 : 21))
/** Rounds that are not counted: the warm-up goes on. */
const firstRounds = quick ? 0 : 4
const names = [...Object.keys(contenders), 'nginx, one worker']

function start(name: string, backends: readonly string[]): Promise<RunningProxy> {
  return name in contenders ? startContender(name, backends) : startNginxProxy(backends)
}

async function measureRound(proxy: RunningProxy, path: string): Promise<ProxyRound> {
  const before = await proxy.cpuUs()
  const result = await load(proxy.port, path, seconds)
  return { ...result, cpuUsPerRequest: ((await proxy.cpuUs()) - before) / result.requests }
}

/**
 * Interleaved, beginning with another one each round, so that what disturbs the machine disturbs everybody. In many short turns,
 * as the machine is slow for seconds or minutes at a time, and few rounds do not average that out.
 */
async function compare(path: string): Promise<ProxyResult[]> {
  const { addresses, nginxes } = await startBackends()
  const proxies: { name: string; proxy: RunningProxy; found: ProxyRound[] }[] = []
  for (const name of names) {
    const proxy = await start(name, addresses)
    proxies.push({ name, proxy, found: [] })
    // Until the compiler has seen everything: more code takes longer.
    await load(proxy.port, path, warmup)
  }
  for (let round = 0; round < firstRounds + rounds; round++) {
    console.error(`${path}: round ${round + 1} of ${firstRounds + rounds}`)
    for (let turn = 0; turn < proxies.length; turn++) {
      const { proxy, found } = proxies[(round + turn) % proxies.length] as (typeof proxies)[number]
      const result = await measureRound(proxy, path)
      if (round >= firstRounds) found.push(result)
    }
  }
  for (const each of [...proxies.map(({ proxy }) => proxy), ...nginxes]) await each.stop()
  return proxies.map(({ name, found }) => ({ name, rounds: found }))
}

async function kill(name: string): Promise<KillResult> {
  const { addresses, nginxes } = await startBackends()
  const proxy = await start(name, addresses)
  await load(proxy.port, '/small', 1)
  const timer = setTimeout(() => nginxes[0]?.child.kill('SIGKILL'), quick ? 500 : 1_000)
  const { requests, failures } = await load(proxy.port, '/small', quick ? 2 : 4)
  clearTimeout(timer)
  for (const each of [proxy, ...nginxes]) await each.stop()
  return { name, requests, failures }
}

const small = await compare('/small')
const large = quick ? [] : await compare('/64k')
console.error('kill')
const kills: KillResult[] = []
for (const name of names) if (!quick || name.startsWith('lb ')) kills.push(await kill(name))
const found = { small, large, kills }
const text = report(found, seconds)
console.log(text)
if (values.write) await writeResult('proxy', text)
judge(targets(found))
