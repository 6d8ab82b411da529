import { Notes } from '@lb/testing'
import { expect, it, vi } from 'vitest'
import { NacosDiscovery } from '../src/index.ts'
import type { OnServer } from './real-server.ts'

/** Servers of 3.x push over gRPC only. */
export const describePushes: OnServer = (server) => {
  it('a push over UDP makes the question come before its time', { timeout: 60_000 }, async () => {
    const discovery = new NacosDiscovery({ servers: [server().url], udpPush: { host: '127.0.0.1' } })
    const notes = new Notes()
    await server().register('pushed', { ip: '10.0.0.1', port: 1 })
    discovery.watch('pushed', notes)
    await vi.waitFor(() => expect(notes.ports).toEqual([1]), 20_000)
    const lists = notes.lists.length
    const atMs = performance.now()
    await server().register('pushed', { ip: '10.0.0.1', port: 2 })
    await vi.waitFor(() => expect(notes.ports?.toSorted((a, b) => a - b)).toEqual([1, 2]), 20_000)
    // Without a push it asks 8 to 10 s after the last question, which was just now.
    expect(performance.now() - atMs).toBeLessThan(7_000)
    expect(notes.lists.length).toBeGreaterThan(lists)
    await discovery.close()
  })
}
