import { FakeClock, Notes } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EtcdDiscovery } from '../src/index.ts'
import { eventually } from './eventually.ts'
import { putEvent, ScriptedGateway } from './scripted-gateway.ts'

const path = '/microservices/orders/'
const closedError = { code: 'LB_CLOSED', service: 'orders', message: 'orders: the discovery was closed' }

let gateway: ScriptedGateway
let clock: FakeClock
let discovery: EtcdDiscovery

beforeEach(async () => {
  gateway = await ScriptedGateway.start()
  gateway.keys = { [`${path}1`]: '10.0.0.1:80' }
  clock = new FakeClock()
  discovery = new EtcdDiscovery({ endpoints: [gateway.url], codec: 'address', clock })
})

afterEach(async () => {
  await discovery.close()
  await gateway.stop()
})

async function watching(number: number): Promise<void> {
  await eventually(async () => {
    await clock.advance(100)
    expect(gateway.watches).toHaveLength(number)
  })
}

describe('close', () => {
  it('ends the connection and every timer, and the last word of a watch is that it is closed', async () => {
    const notes = new Notes()
    discovery.watch('orders', notes)
    await watching(1)
    const before = notes.calls
    await Promise.all([discovery.close(), discovery.close()])
    await eventually(() => expect(gateway.watches[0]?.isOpen).toBe(false))
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(60_000)
    expect(notes.calls).toBe(before + 1)
    expect(notes.errors.at(-1)).toMatchObject(closedError)
  })
})

describe('closing a subscription', () => {
  it('that was the last one ends the connection', async () => {
    const subscription = discovery.watch('orders', new Notes())
    await watching(1)
    subscription.close()
    subscription.close()
    await eventually(() => expect(gateway.watches[0]?.isOpen).toBe(false))
    expect(clock.pendingTimers).toBe(0)
    // And another one makes it again.
    discovery.watch('orders', new Notes())
    await watching(2)
  })

  it('leaves the others, which share its connection', async () => {
    gateway.keys['/microservices/users/1'] = '10.0.1.1:80'
    const [closed, living] = [new Notes(), new Notes()]
    const subscription = discovery.watch('orders', closed)
    discovery.watch('users', living)
    await watching(1)
    subscription.close()
    const calls = closed.calls
    const [watch] = gateway.watches
    const idOf = (service: string): string =>
      String(watch?.starts.findIndex((start) => start.path === `/microservices/${service}/`))
    const added = (service: string): object => ({
      watch_id: idOf(service),
      header: { revision: '11' },
      events: [putEvent(`/microservices/${service}/2`, '10.0.0.2:80', 11)],
    })
    watch?.send(added('orders'), added('users'))
    await eventually(async () => {
      await clock.advance(60)
      expect(living.latest).toHaveLength(2)
    })
    expect(closed.calls).toBe(calls)
  })

  it('while its list is on the way tells nothing', async () => {
    const notes = new Notes()
    discovery.watch('orders', notes).close()
    await clock.advance(60_000)
    expect(notes.order).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })
})
