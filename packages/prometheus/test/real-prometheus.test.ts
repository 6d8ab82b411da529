import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { Registry } from 'prom-client'
import { Prometheus, promtool, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { collectMetrics } from '../src/index.ts'
import { FaultyServices } from './faulty-services.ts'

const pathOf = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8')

interface Panel {
  readonly title: string
  readonly targets: readonly { readonly expr: string }[]
}

const dashboard = JSON.parse(textOf('grafana/lb.json')) as { readonly panels: readonly Panel[] }
const alerts = Array.from(textOf('alerts.yml').matchAll(/alert: (\w+)/g), ([, name = '']) => name)

/** The rules with windows for a test: they are minutes long. */
const shortened = textOf('alerts.yml')
  .replaceAll('[5m]', '[4s]')
  .replaceAll(/for: \d+m/g, 'for: 0s')

const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(
    ({ expr }) => [title, expr.replaceAll('$__rate_interval', '4s').replaceAll(/\$(lb|service)\b/g, '.*')] as const,
  ),
)

describeWithServers('a Prometheus that scrapes a load balancer with faults', Prometheus.programs, () => {
  const registry = new Registry()
  let services: FaultyServices
  let server: Server
  let prometheus: Prometheus

  beforeAll(async () => {
    services = new FaultyServices()
    collectMetrics(services.lb, { registry, instanceLabel: true })
    await services.breakRegistry()
    server = createServer((_request, response) => {
      response.setHeader('Content-Type', registry.contentType)
      void registry.metrics().then((exposition) => response.end(exposition))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    prometheus = await Prometheus.start({ target: `127.0.0.1:${port}`, rules: shortened, interval: '250ms' })
  }, startTimeoutMs)

  afterAll(async () => {
    await prometheus?.stop()
    server?.closeAllConnections()
    server?.close()
    await services?.[Symbol.asyncDispose]()
  })

  it('fires every alert, each for the service that has the fault', async () => {
    const firing = async (): Promise<Record<string, string[]>> => {
      const byName: Record<string, string[]> = {}
      for (const { alertname = '', lb_service: service = '' } of await prometheus.firing()) {
        byName[alertname] = [...(byName[alertname] ?? []), service].toSorted()
      }
      return byName
    }
    await expect.poll(async () => Object.keys(await firing()).toSorted()).toEqual(alerts.toSorted())
    expect(await firing()).toMatchObject({
      LbNoCandidates: ['empty'],
      LbPanic: expect.arrayContaining(['sick']),
      LbListStale: ['stale'],
      LbRetryBudgetExhausted: expect.arrayContaining(['failing']),
      LbEjectionsAboveCap: expect.arrayContaining(['dead']),
      LbImbalance: expect.arrayContaining(['skewed']),
      LbCallsWait: ['full'],
      LbCallsRefused: ['full'],
      LbCallsFail: expect.arrayContaining(['(unknown)', 'dead', 'empty', 'failing']),
    })
    for (const services of Object.values(await firing())) expect(services).not.toContain('healthy')
  })

  it.each(queries)('has data for the panel %s: %s', async (_title, query) => {
    await expect.poll(() => prometheus.query(query).then(({ length }) => length)).toBeGreaterThan(0)
  })

  it('finds no fault in the rules, and in the exposition, hostile names included', async () => {
    expect(promtool(['check', 'rules', pathOf('alerts.yml')])).toContain(`${alerts.length} rules found`)
    await using lb = new LoadBalancer({
      discovery: new StaticDiscovery({
        'a"} 1\\': [{ host: '10.0.0.1', port: 80, id: 'line\nbreak "\u0000" \ud800' }],
      }),
    })
    collectMetrics(lb, { registry, instanceLabel: true, name: 'x"\ny' })
    await lb.execute('a"} 1\\', () => 1)
    const exposition = await registry.metrics()
    expect(promtool(['check', 'metrics'], exposition)).toBe('')
    await expect
      .poll(() => prometheus.query('lb_instance_weight{lb_name=~"x.*"}'))
      .toMatchObject([{ metric: { lb_service: 'a"} 1\\', lb_instance: expect.stringMatching(/^line\ufffdbreak/) } }])
  })
})
