import { setTimeout as delay } from 'node:timers/promises'
import { startBackend, startBackends } from '../backends.ts'
import { quantile } from '../spread.ts'
import { ContenderProcess } from './contender-process.ts'
import type { Sent } from './paced-load.ts'

/** What a caller saw while one of three backends was down, and after it was back. */
export interface OutageResult {
  readonly name: string
  readonly requests: number
  /** Failed in parts of all, while the backend was down. */
  readonly failedShare: number
  readonly p99Ms: number
  /** Parts of the requests that the backend got in the first and in the last second after its return; ideal 1/3. */
  readonly firstShare: number
  readonly lastShare: number
}

export interface OutageTimes {
  readonly beforeMs: number
  readonly downMs: number
  readonly afterMs: number
}

const order = { workers: 8, pauseMs: 20 }

/** All clients at once, as they do little: one of three backends is killed, and started again on the same port. */
export async function measureOutage(names: readonly string[], times: OutageTimes): Promise<OutageResult[]> {
  const { addresses, nginxes } = await startBackends()
  const clients = await Promise.all(names.map((name) => ContenderProcess.start(name, addresses)))
  await Promise.all(clients.map((client) => client.startPaced(order)))
  await delay(times.beforeMs)
  const [victim, ...others] = nginxes
  victim?.child.kill('SIGKILL')
  await victim?.stop()
  const downFromMs = Date.now()
  await delay(times.downMs)
  const downToMs = Date.now()
  const port = Number(addresses[0]?.split(':')[1])
  const returned = await startBackend(port)
  const backMs = Date.now()
  await delay(times.afterMs)
  const endMs = Date.now()
  const results: OutageResult[] = []
  for (const client of clients) {
    const sent = await client.stopPaced()
    const down = between(sent, downFromMs, downToMs)
    results.push({
      name: client.name,
      requests: down.length,
      failedShare: down.filter((each) => each.port === 0).length / down.length,
      p99Ms: quantile(
        down.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b),
        0.99,
      ),
      firstShare: shareOf(port, between(sent, backMs, backMs + 1_000)),
      lastShare: shareOf(port, between(sent, endMs - 1_000, endMs)),
    })
    await client.close()
  }
  for (const nginx of [returned, ...others]) await nginx.stop()
  return results
}

function between(sent: readonly Sent[], fromMs: number, toMs: number): readonly Sent[] {
  return sent.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
}

function shareOf(port: number, sent: readonly Sent[]): number {
  return sent.filter((each) => each.port === port).length / sent.length
}
