import {
  type CallObserver,
  InvalidOptionError,
  LoadBalancer,
  type LoadBalancerListener,
  StaticDiscovery,
} from '@lb/core'
import { metricTable } from '@lb/core/authoring'
import { FakeClock, FakeDiscovery } from '@lb/testing'
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { collectMetrics } from '../src/index.ts'
import { prometheusName } from '../src/metric-name.ts'

const open: LoadBalancer[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((lb) => lb.close()))
})

function loadBalancer(services: Record<string, string[]> = { users: ['10.0.0.1:80', '10.0.0.2:80'] }): LoadBalancer {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery(services) })
  open.push(lb)
  return lb
}

/** The lines of values, without zeros, and without buckets. */
async function valuesOf(registry: Registry | Registry<OpenMetricsContentType>): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => /^[^#]/.test(line) && !/_bucket\{| 0$/.test(line))
}

const counted = (result: string, service = 'users', name = 'default'): string =>
  `lb_client_call_duration_seconds_count{lb_name="${name}",lb_service="${service}",result="${result}"} 1`

describe('collectMetrics', () => {
  it('registers the metrics of the table, but for that of the semantic conventions', () => {
    const registry = new Registry()
    collectMetrics(loadBalancer(), { registry, prefix: 'my_' })
    const { 'http.client.request.duration': conventional, ...own } = metricTable
    const names = Object.entries(own).map(([name, metric]) => `my_${prometheusName(name, metric)}`)
    const registered = registry.getMetricsAsArray().map(({ name }) => name)
    expect(conventional.conventional).toBe(true)
    expect(registered.toSorted()).toEqual(names.toSorted())
  })

  it('names metrics as the exporters of OpenTelemetry do', () => {
    expect(
      (['lb.client.call.duration', 'lb.discovery.failures', 'lb.imbalance', 'lb.in_flight'] as const).map((name) =>
        prometheusName(name, metricTable[name]),
      ),
    ).toEqual(['lb_client_call_duration_seconds', 'lb_discovery_failures_total', 'lb_imbalance_ratio', 'lb_in_flight'])
  })

  it('removes everything when it is stopped, and can begin anew', async () => {
    const registry = new Registry()
    const lb = loadBalancer()
    const stop = collectMetrics(lb, { registry, instanceLabel: true })
    await lb.execute('users', () => 1)
    stop()
    stop()
    await lb.execute('users', () => 1)
    expect(registry.getMetricsAsArray()).toEqual([])
    collectMetrics(lb, { registry })
    await lb.execute('users', () => 1)
    expect(await valuesOf(registry)).toContain(counted('ok'))
  })

  it('removes everything when the load balancer is closed, also what ends later', async () => {
    const registry = new Registry()
    const lb = loadBalancer()
    collectMetrics(lb, { registry })
    let end: (value: unknown) => void = () => {}
    const call = lb.execute('users', () => new Promise((resolve) => (end = resolve)))
    await expect.poll(() => valuesOf(registry)).toContain('lb_in_flight{lb_name="default",lb_service="users"} 1')
    await lb.close()
    end(1)
    await call
    expect(registry.getMetricsAsArray()).toEqual([])
    collectMetrics(loadBalancer(), { registry })
    expect((await valuesOf(registry)).filter((line) => line.includes('users'))).toEqual([])
  })

  it('refuses the same load balancer twice, a name twice, and names of metrics that are taken', () => {
    const registry = new Registry()
    const lb = loadBalancer()
    collectMetrics(lb, { registry, name: 'one' })
    expect(() => collectMetrics(lb, { registry })).toThrow(/collectMetrics\.lb must be a load balancer that is not/)
    expect(() => collectMetrics(loadBalancer(), { registry, name: 'one' })).toThrow(/collectMetrics\.name/)
    const other = new Registry()
    new Counter({ name: 'lb_in_flight', help: 'mine', registers: [other] })
    expect(() => collectMetrics(lb, { registry: other })).toThrow(/lb_in_flight is.*Give another prefix/)
    expect(other.getMetricsAsArray()).toHaveLength(1)
    collectMetrics(lb, { registry: other, prefix: 'app_' })
  })

  it('keeps load balancers in one registry apart, of which each leaves alone', async () => {
    const registry = new Registry()
    const [one, two] = [loadBalancer(), loadBalancer()]
    const stop = collectMetrics(one, { registry })
    collectMetrics(two, { registry })
    for (const lb of [one, two]) await lb.execute('users', () => 1)
    expect(await valuesOf(registry)).toEqual(
      expect.arrayContaining([counted('ok'), counted('ok', 'users', 'default-2')]),
    )
    stop()
    const left = await valuesOf(registry)
    expect(left).toContain(counted('ok', 'users', 'default-2'))
    expect(left.filter((line) => line.includes('lb_name="default"'))).toEqual([])
  })

  it('registers again in a registry that was cleared', async () => {
    const registry = new Registry()
    collectMetrics(loadBalancer(), { registry })
    registry.clear()
    const lb = loadBalancer()
    collectMetrics(lb, { registry })
    await lb.execute('users', () => 1)
    expect(await valuesOf(registry)).toContain(counted('ok'))
  })

  it('leaves nothing in the registry when it throws', () => {
    const registry = new Registry()
    expect(() => collectMetrics(loadBalancer(), { registry, name: '' })).toThrow(InvalidOptionError)
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  it('takes a registry of OpenMetrics', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const lb = loadBalancer()
    const stop = collectMetrics(lb, { registry })
    await lb.execute('users', () => 1)
    expect(await registry.metrics()).toContain(
      'lb_discovery_list_changes_total{lb_name="default",lb_service="users",change="added"} 2',
    )
    stop()
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  it('makes no series for names that nothing is known of', async () => {
    const registry = new Registry()
    const lb = loadBalancer()
    collectMetrics(lb, { registry, instanceLabel: true })
    for (let call = 0; call < 50; call++) await lb.execute(`name-${call}`, () => 1).catch(() => {})
    const exposition = await registry.metrics()
    expect(exposition).not.toContain('name-')
    expect(exposition).toContain(
      'lb_client_call_duration_seconds_count{lb_name="default",lb_service="(unknown)",result="refused"} 50',
    )
    expect(exposition).toContain('lb_services_released_total{lb_name="default"} 50')
  })

  it('removes the series of an instance that is gone', async () => {
    const clock = new FakeClock()
    const discovery = new FakeDiscovery(['10.0.0.1:80', '10.0.0.2:80'])
    await using lb = new LoadBalancer({ discovery, clock })
    const registry = new Registry()
    collectMetrics(lb, { registry, instanceLabel: true })
    for (let call = 0; call < 2; call++) {
      const executed = lb.execute('users', () => 1)
      await clock.advance(0)
      await executed
    }
    expect(await registry.metrics()).toContain('lb_instance="10.0.0.1:80"')
    discovery.answer = ['10.0.0.2:80']
    const refreshed = lb.refresh('users')
    await clock.advance(1_000)
    await refreshed
    const exposition = await registry.metrics()
    expect(exposition).not.toContain('10.0.0.1')
    expect(exposition).toContain(
      'lb_client_attempt_duration_seconds_count{lb_name="default",lb_service="users",lb_instance="10.0.0.2:80",result="ok"} 1',
    )
  })

  it.each([
    ['collectMetrics.lb', () => collectMetrics(Object({}))],
    ['collectMetrics.registery', () => collectMetrics(loadBalancer(), Object({ registery: 1 }))],
    ['collectMetrics.registry', () => collectMetrics(loadBalancer(), { registry: Object({}) })],
    ['collectMetrics.prefix', () => collectMetrics(loadBalancer(), { prefix: 'my-app' })],
    ['collectMetrics.instanceLabel', () => collectMetrics(loadBalancer(), { instanceLabel: Object(1) })],
  ])('rejects a wrong %s', (option, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION', option }))
  })
})

describe('a service that is released', () => {
  /** Only what is asked of a load balancer: here a call ends after the release of its service. */
  class Released {
    readonly configuredServices: ReadonlySet<string> = new Set()
    readonly execute = (): void => {}
    readonly #real = loadBalancer()
    observer: CallObserver | undefined
    listener: LoadBalancerListener | undefined

    inspect(): unknown {
      return this.#real.inspect()
    }

    observe(observer: CallObserver): () => void {
      this.observer = observer
      return () => {}
    }

    subscribe(listener: LoadBalancerListener): () => void {
      this.listener = listener
      return () => {}
    }

    use(): Promise<void> {
      return this.#real.ready('users')
    }
  }

  const result = {
    result: 'ok',
    durationMs: 1,
    inFlightMs: 1,
    queuedMs: 0,
    attempts: 1,
    retries: 0,
    hedges: 0,
  } as const

  it('has no series any more, and gets none by calls that end later', async () => {
    const lb = new Released()
    await lb.use()
    const registry = new Registry()
    collectMetrics(Object(lb), { registry })
    await registry.metrics()
    const ended = lb.observer?.startCall({ service: 'users', call: 1, idempotent: true })
    const late = lb.observer?.startCall({ service: 'users', call: 2, idempotent: true })
    ended?.end(result)
    expect(await valuesOf(registry)).toContain(counted('ok'))
    lb.inspect = () => []
    lb.listener?.(Object({ type: 'service-released', service: 'users' }))
    late?.end(result)
    expect((await registry.metrics()).split('\n').filter((line) => line.includes('users'))).toEqual([])
  })
})
