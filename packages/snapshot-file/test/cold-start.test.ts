import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CompositeDiscovery, type CompositeDiscoveryEvent, LoadBalancer, type ServiceDiscovery } from '@lb/core'
import { FakeWatchDiscovery } from '@lb/testing'
import { describe, expect, it, vi } from 'vitest'
import { fileNameOf } from '../src/file-name.ts'
import { FileSnapshotStore } from '../src/index.ts'
import { useFolder } from './folder.ts'

const folder = useFolder()
const down = new Error('connect ECONNREFUSED')

function start(registry: ServiceDiscovery): { lb: LoadBalancer; events: CompositeDiscoveryEvent[] } {
  const events: CompositeDiscoveryEvent[] = []
  const discovery = new CompositeDiscovery([registry], {
    snapshots: new FileSnapshotStore({ directory: folder.path }),
    onEvent: (event) => events.push(event),
  })
  return { lb: new LoadBalancer({ discovery, firstListTimeoutMs: 300 }), events }
}

describe('a process with files', () => {
  it('starts while the registry is down, and goes over to the live list', async () => {
    const before = start(new FakeWatchDiscovery(['10.0.0.1:80', '10.0.0.2:80']))
    await before.lb.ready('users')
    await before.lb.close()
    expect(folder.files()).toEqual([fileNameOf('users')])

    const registry = new FakeWatchDiscovery(down)
    const { lb, events } = start(registry)
    await lb.ready('users')
    expect(lb.inspect('users')).toMatchObject({ status: 'stale', instances: [{}, {}] })
    expect(events.map(({ type }) => type)).toEqual(['member-failed', 'snapshot-in-use'])
    registry.push(['10.0.0.3:80'])
    expect(lb.pick('users').id).toBe('10.0.0.3:80')
    await lb.close()
    const saved = await new FileSnapshotStore({ directory: folder.path }).load('users')
    expect(saved?.instances).toMatchObject([{ id: '10.0.0.3:80' }])
  })

  it('saves by itself while it runs', async () => {
    const { lb } = start(new FakeWatchDiscovery(['10.0.0.1:80']))
    await lb.ready('users')
    await vi.waitFor(() => expect(existsSync(join(folder.path, fileNameOf('users')))).toBe(true), 10_000)
    await lb.close()
  })

  it('is not stopped by a corrupt file, but told of it', async () => {
    writeFileSync(join(folder.path, fileNameOf('users')), '{"version":1', { mode: 0o600 })
    const registry = new FakeWatchDiscovery(down)
    const { lb, events } = start(registry)
    await expect(lb.ready('users')).rejects.toThrow('connect ECONNREFUSED')
    const failed = events.find(({ type }) => type === 'snapshot-failed')
    expect(failed).toMatchObject({ error: { message: expect.stringContaining(fileNameOf('users')) } })
    await lb.close()
  })
})
