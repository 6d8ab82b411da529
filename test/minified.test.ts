import { fileURLToPath } from 'node:url'
import { build, type Rollup } from 'vite'
import { describe, expect, it } from 'vitest'
import * as core from '../packages/core/src/index.ts'

/** @lb/core in one file, with every name shortened that a minifier may shorten. */
async function minified(): Promise<typeof core> {
  const entry = fileURLToPath(new URL('../packages/core/src/index.ts', import.meta.url))
  const built = (await build({
    configFile: false,
    logLevel: 'silent',
    build: { ssr: entry, minify: true, write: false, target: 'node20' },
  })) as Rollup.RollupOutput
  const { code } = built.output[0]
  return (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as typeof core
}

describe('@lb/core, bundled and minified', () => {
  it('says the same names as before', async () => {
    const bundled = await minified()
    expect(bundled.LoadBalancer.name).not.toBe('LoadBalancer')
    const errors = Object.entries<unknown>(bundled).filter(
      ([name]) => /^[A-Z]\w*Error$/.test(name) && name !== 'LoadBalancerError',
    )
    expect(errors.length).toBeGreaterThanOrEqual(7)
    for (const [name, type] of errors) {
      const error = new (type as new (field: string, message: string) => Error)('m', 'm')
      expect([error.name, String(error), (error.stack as string).split(':')[0]]).toEqual([name, `${name}: m`, name])
    }
    for (const balancer of ['round-robin', 'maglev', 'peak-ewma'] as const) {
      const discoveries = (module: typeof core): core.ServiceDiscovery[] => [
        new module.StaticDiscovery({ users: [] }),
        new module.CompositeDiscovery([new module.StaticDiscovery({ users: [] })]),
      ]
      const said = (module: typeof core): unknown =>
        discoveries(module).map((discovery) => {
          const lb = new module.LoadBalancer({ discovery, balancer })
          const { discovery: source, balancer: chosen } = lb.inspect('users')
          return [source, chosen, messageOf(() => lb.pick('users'))]
        })
      expect(said(bundled)).toEqual(said(core))
    }
  })
})

function messageOf(run: () => unknown): string {
  try {
    return String(run())
  } catch (error) {
    return String(error)
  }
}
