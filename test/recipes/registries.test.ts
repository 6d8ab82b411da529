import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoopbackBackend } from '@lb/testing'
import { Consul, FakeNacos, PowerDns, type RecordSet, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { folder, RecipeProcess, saidBy } from './recipe-process.ts'

const before = 'first 6, second 6'

/** Runs a recipe that follows its registry; `grow` adds the third instance once it has seen two. */
async function expectToFollow(
  recipe: string,
  environment: Readonly<Record<string, string>>,
  grow: () => unknown,
): Promise<void> {
  await using child = new RecipeProcess(recipe, environment)
  await child.prints(before)
  await grow()
  expect(await child.end()).toBe(saidBy(recipe))
}

describeWithServers('recipes for names in DNS, on PowerDNS', PowerDns.programs, () => {
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3']

  /** Instances at three addresses on one port, as pods and containers are. */
  async function startPods(): Promise<{ port: number; stop(): Promise<unknown> }> {
    const first = await LoopbackBackend.start({ script: { body: 'first' } })
    const others = await Promise.all(
      ['second', 'third'].map((name, index) =>
        LoopbackBackend.start({ script: { body: name }, host: addresses[index + 1] ?? '', port: first.port }),
      ),
    )
    return { port: first.port, stop: () => Promise.all([first, ...others].map((each) => each.stop())) }
  }

  it.each([
    { recipe: 'kubernetes-headless', zone: 'prod.svc.cluster.local', name: 'user-service', environment: {} },
    { recipe: 'docker-compose', zone: 'user-service', name: '', environment: {} },
    { recipe: 'docker-compose', zone: 'tasks.user-service', name: '', environment: { SWARM: 'yes' } },
  ])(
    '$recipe follows the addresses of $zone',
    async ({ recipe, zone, name, environment }) => {
      const pods = await startPods()
      const records = (count: number): RecordSet => ({ name, type: 'A', ttl: 1, records: addresses.slice(0, count) })
      const dns = await PowerDns.start(zone, [records(2)])
      try {
        const grow = (): Promise<void> => dns.set(records(3))
        await expectToFollow(recipe, { ...environment, PORT: String(pods.port), DNS_SERVER: dns.address }, grow)
      } finally {
        await dns.stop()
        await pods.stop()
      }
    },
    startTimeoutMs,
  )
})

/** Starts instances of a recipe, and runs it until it has seen a third one; then they leave, one after the other. */
async function expectToRegister(
  recipe: string,
  environment: Readonly<Record<string, string>>,
  areListed: (count: number) => Promise<unknown> = async () => {},
): Promise<void> {
  const children: RecipeProcess[] = []
  const start = async (NAME: string): Promise<void> => {
    const child = new RecipeProcess(`${recipe}-instance`, { ...environment, NAME, PORT: '0' })
    children.push(child)
    await child.prints('registered')
  }
  try {
    await start('first')
    await start('second')
    await areListed(2)
    await expectToFollow(recipe, environment, () => start('third'))
    expect(await Promise.all(children.map((child) => child.terminate()))).toEqual([0, 0, 0])
    expect(children.map(({ printed }) => printed)).toEqual(Array(3).fill('registered\n'))
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]()
  }
}

describeWithServers('the recipe for Consul', Consul.programs, () => {
  it(
    'registers instances, follows them, and leaves none behind',
    async () => {
      const consul = await Consul.start()
      try {
        // An instance is registered before its check has passed.
        const passing = (): Promise<unknown> => consul.request('GET', '/v1/health/service/user-service?passing')
        await expectToRegister('consul', { CONSUL_HTTP_ADDR: consul.url }, (count) =>
          expect.poll(passing, { timeout: 30_000 }).toHaveLength(count),
        )
        expect(await consul.request('GET', '/v1/agent/services')).toEqual({})
      } finally {
        await consul.stop()
      }
    },
    startTimeoutMs,
  )
})

describe('the recipe for Nacos', () => {
  it('registers instances, follows them, and leaves none behind', async () => {
    const nacos = await FakeNacos.start({ cacheMillis: 1_000 })
    try {
      await expectToRegister('nacos', { NACOS_SERVERS: nacos.url })
    } finally {
      await nacos.stop()
    }
  }, 120_000)
})

describe('the recipe for a ConfigMap', () => {
  it('follows it through the links of kubelet', async () => {
    const instances = await Promise.all(
      ['first', 'second', 'third'].map((name) => LoopbackBackend.start({ script: { body: name } })),
    )
    const volume = mkdtempSync(join(tmpdir(), 'lb-recipe-'))
    const file = 'user-service.yaml'
    /** A new version is a new folder, and the link `..data` is replaced. */
    const mount = (version: string, count: number): void => {
      const targets = instances.slice(0, count).map(({ address }) => address)
      mkdirSync(join(volume, version))
      writeFileSync(join(volume, version, file), text.replace(/\[.*\]/, JSON.stringify(targets)))
      symlinkSync(version, join(volume, '..data_tmp'))
      renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
    }
    const { data } = parse(readFileSync(join(folder, 'config-map.yaml'), 'utf8')) as { data: Record<string, string> }
    const text = data[file] ?? ''
    expect(text).toContain('10.0.1.12:8080')
    symlinkSync(join('..data', file), join(volume, file))
    mount('..1', 2)
    try {
      await expectToFollow('config-map', { DIRECTORY: volume }, () => mount('..2', 3))
    } finally {
      rmSync(volume, { recursive: true })
      await Promise.all(instances.map((each) => each.stop()))
    }
  })
})

describe('the files of Docker', () => {
  it.each(['compose.yaml', 'stack.yaml'])(
    '%s has several containers of the service, without a port on the host',
    (file) => {
      const { services } = parse(readFileSync(join(folder, file), 'utf8')) as {
        services: Record<string, { ports?: string[]; stop_grace_period?: string; deploy?: { replicas: number } }>
      }
      expect(Object.keys(services)).toEqual(['gateway', 'user-service'])
      expect(services['user-service']).toMatchObject({ stop_grace_period: '30s', deploy: { replicas: 3 } })
      expect(services['user-service']?.ports).toBeUndefined()
    },
  )
})
