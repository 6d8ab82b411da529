import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { loadBalanceInterceptor } from '@lb/undici'
import axios from 'axios'
import { Agent, type Dispatcher } from 'undici'
import type { Fleet } from './backends.ts'
import { countSubscriptions, Load, type Send } from './load.ts'
import { openSockets, type Sample, takeSample, type Watched } from './sample.ts'

export interface SoakOptions {
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly everySeconds: number
  readonly workersEach: number
}

export interface SoakResult {
  readonly options: SoakOptions
  readonly fleet: Fleet
  /** The first is the base. */
  readonly samples: readonly Sample[]
  /** Sockets that were open while the load ran, most at once. */
  readonly mostSockets: number
  readonly mostSocketsAllowed: number
  /** What is held after everything was closed. */
  readonly left: Sample
}

const service = 'users'
const changeEveryMs = 1_000

/** Both clients at full load while instances come and go each second. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const child = fork(fileURLToPath(new URL('backends.ts', import.meta.url)))
  let [fleet] = (await once(child, 'message')) as [Fleet]
  const discovery = new StaticDiscovery({ [service]: instancesOf(fleet) })
  const lb = new LoadBalancer({ discovery })
  const subscriptions = countSubscriptions(lb)
  await lb.ready(service)
  const agent = new Agent({ connections: options.workersEach })
  const ending = new AbortController()
  const watched: Watched = { signal: ending.signal, emitters: [agent], subscriptions }
  child.on('message', (message: Fleet) => {
    fleet = message
    discovery.set(service, instancesOf(fleet))
  })
  const socketsBefore = openSockets()
  const load = new Load([throughAxios(lb), throughUndici(lb, agent)], options.workersEach, ending.signal)
  const observed = await observe(child, load, watched, options, socketsBefore)
  await load.end()
  await lb.close()
  await agent.close()
  const counts = { atSeconds: options.seconds, requests: load.requests, failures: load.failures }
  // The agent of @lb/axios is not destroyed: its idle connections must have been closed together with the load balancer.
  const left = withoutSockets(await takeSample(watched, counts), socketsBefore)
  child.disconnect()
  await once(child, 'exit')
  // Connections of both clients, to each instance that is listed and to the one that has just gone.
  const mostSocketsAllowed = 2 * options.workersEach * (fleet.ports.length + 1)
  return { options, fleet, ...observed, mostSocketsAllowed, left }
}

async function observe(
  child: ChildProcess,
  load: Load,
  watched: Watched,
  { seconds, warmUpSeconds, everySeconds }: SoakOptions,
  socketsBefore: number,
): Promise<Pick<SoakResult, 'samples' | 'mostSockets'>> {
  const samples: Sample[] = []
  let mostSockets = 0
  const startMs = performance.now()
  let nextSampleMs = warmUpSeconds * 1_000
  for (let nextChangeMs = changeEveryMs; ; nextChangeMs += changeEveryMs) {
    const elapsedMs = performance.now() - startMs
    await delay(Math.max(0, nextChangeMs - elapsedMs))
    mostSockets = Math.max(mostSockets, openSockets() - socketsBefore)
    child.send('change')
    const atSeconds = (performance.now() - startMs) / 1_000
    if (atSeconds * 1_000 >= nextSampleMs) {
      nextSampleMs += everySeconds * 1_000
      await load.pause()
      const counts = { atSeconds, requests: load.requests, failures: load.failures }
      samples.push(withoutSockets(await takeSample(watched, counts), socketsBefore))
      load.resume()
    }
    if (atSeconds >= seconds) return { samples, mostSockets }
  }
}

function withoutSockets(sample: Sample, before: number): Sample {
  return { ...sample, sockets: sample.sockets - before }
}

function instancesOf({ ports }: Fleet): string[] {
  return ports.map((port) => `127.0.0.1:${port}`)
}

function throughAxios(lb: LoadBalancer): Send {
  const client = loadBalance(axios.create({ baseURL: `http://${service}` }), lb)
  return async (signal) => {
    await client.get('/', { signal, timeout: 5_000 })
  }
}

function throughUndici(lb: LoadBalancer, agent: Agent): Send {
  // Its types are of the undici that it is developed with, which is an older one.
  const interceptor = loadBalanceInterceptor(lb) as unknown as Dispatcher.DispatcherComposeInterceptor
  const dispatcher = agent.compose(interceptor)
  return async (signal) => {
    const { body } = await dispatcher.request({ origin: `http://${service}`, path: '/', method: 'GET', signal })
    await body.json()
  }
}
