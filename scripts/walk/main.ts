// Follows one warm call through the sources: how many files it enters ("rooms") and how often it goes from one file into another
// ("moves"). main.ts [--route] names them in order.
import './instrument.ts'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { pathToFileURL } from 'node:url'
import { root } from '../figures/source-file.ts'

interface Target {
  readonly name: string
  /** At most so many: what is reached. The aim for clients is 20 rooms and 50 moves, for the gateway 22 and 60. */
  readonly rooms: number
  readonly moves: number
  /** Prepares, and gives what makes one call. */
  readonly prepare: (
    instance: string,
  ) => Promise<{ readonly call: () => Promise<unknown>; readonly close: () => Promise<void> }>
}

/** A peer dependency, as the package `from` sees it. */
function load<T>(name: string, from: string): Promise<T> {
  return import(pathToFileURL(createRequire(`${root}packages/${from}/package.json`).resolve(name)).href)
}

const targets: readonly Target[] = [
  {
    name: 'execute',
    rooms: 14,
    moves: 30,
    prepare: async (instance) => {
      const { LoadBalancer, StaticDiscovery } = await import('@lb/core')
      const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [instance] }) })
      await lb.ready('users')
      return { call: () => lb.execute('users', async () => 1), close: () => lb.close() }
    },
  },
  {
    name: '@lb/axios',
    rooms: 27,
    moves: 56,
    prepare: async (instance) => {
      const { LoadBalancer, StaticDiscovery } = await import('@lb/core')
      const { loadBalance } = await import('@lb/axios')
      const { default: axios } = await load<typeof import('axios')>('axios', 'axios')
      const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [instance] }) })
      const client = loadBalance(axios.create(), lb)
      return { call: () => client.get('http://users/'), close: () => lb.close() }
    },
  },
  {
    name: '@lb/express',
    rooms: 34,
    moves: 83,
    prepare: async (instance) => {
      const { LoadBalancer, StaticDiscovery } = await import('@lb/core')
      const { proxy } = await import('@lb/express')
      const { default: express } = await load<{ default: () => { use: (handler: unknown) => RequestListener } }>(
        'express',
        'express',
      )
      const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: [instance] }) })
      const server = await listening(createServer(express().use(proxy(lb, 'users'))))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
      return {
        call: async () => (await fetch(url)).text(),
        close: async () => {
          server.close()
          server.closeAllConnections()
          await lb.close()
        },
      }
    },
  },
]

const warmCalls = 20
/** What comes from the network may come in parts: the shortest of several routes is the one without. */
const countedCalls = 5

async function route(target: Target, instance: string): Promise<readonly string[]> {
  const { call, close } = await target.prepare(instance)
  for (let each = 0; each < warmCalls; each++) await call()
  let shortest: readonly string[] | undefined
  for (let each = 0; each < countedCalls; each++) {
    const entered = await enteredBy(call)
    if (shortest === undefined || entered.length < shortest.length) shortest = entered
  }
  await close()
  return shortest ?? []
}

async function enteredBy(call: () => Promise<unknown>): Promise<readonly string[]> {
  const entered: string[] = []
  globalThis.functionEntered = (path, line) => entered.push(`${path}:${line}`)
  await call()
  // What the end of a response causes still belongs to the call.
  await new Promise((resolve) => setImmediate(resolve))
  globalThis.functionEntered = undefined
  return entered
}

function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const backend = await listening(createServer((_, response) => response.end('ok')))
const instance = `127.0.0.1:${(backend.address() as AddressInfo).port}`
for (const target of targets) {
  const entered = await route(target, instance)
  const files = entered.map((place) => place.replace(/:\d+$/, ''))
  const rooms = new Set(files).size
  const moves = files.filter((file, index) => index > 0 && file !== files[index - 1]).length
  const kept = rooms <= target.rooms && moves <= target.moves
  console.log(
    `${kept ? '✔' : '✘'} ${target.name}: ${rooms} rooms (at most ${target.rooms}), ${moves} moves (${target.moves}), ${entered.length} functions`,
  )
  if (process.argv.includes('--route')) for (const place of entered) console.log(`    ${place}`)
  if (!kept) process.exitCode = 1
}
backend.close()
backend.closeAllConnections()
