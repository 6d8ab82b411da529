/** Many clients of a registry in one process, each with a discovery and connections of its own. */
import { openDiscovery } from './open-discovery.ts'
import { answerQuestions } from './program.ts'
import type { RegistryAccess } from './registry.ts'

export interface StormClientsQuestions {
  /** Resolves when each of them has its first list. */
  start(what: {
    readonly access: RegistryAccess
    readonly service: string
    readonly clients: number
    readonly jitter: boolean
  }): Promise<null>
  /** Of each client that noticed that the registry was gone: when it had a list again, or `null`. */
  recoveries(_: null): Promise<readonly (number | null)[]>
}

interface Client {
  hasFailed: boolean
  backAtMs: number | null
}

const clients: Client[] = []
// All wait as long as they may.
const noChance = (): number => 0.999

answerQuestions<StormClientsQuestions>({
  start: async ({ access, service, clients: count, jitter }) => {
    await Promise.all(
      Array.from({ length: count }, () => {
        const client: Client = { hasFailed: false, backAtMs: null }
        clients.push(client)
        const discovery = openDiscovery(access, jitter ? undefined : noChance)
        return new Promise<void>((resolve) => {
          discovery.watch?.(service, {
            next: () => {
              resolve()
              if (client.hasFailed) client.backAtMs ??= performance.timeOrigin + performance.now()
            },
            error: () => {
              client.hasFailed = true
              client.backAtMs = null
            },
          })
        })
      }),
    )
    // What happened while they started is of no interest.
    for (const client of clients) client.hasFailed = false
    return null
  },
  recoveries: async () => clients.filter(({ hasFailed }) => hasFailed).map(({ backAtMs }) => backAtMs),
})
