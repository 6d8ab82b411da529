import { LoadBalancer } from '@lb/core'
import type { InstanceList } from '@lb/core/authoring'
import { FakeWatchDiscovery } from '@lb/testing'
import { expect, it } from 'vitest'
import type { Codec } from './codec.ts'
import { codecs } from './codec-by-name.ts'
import { ServiceList } from './instances.ts'
import type { KeyValue } from './messages.ts'

const path = '/microservices/orders/'
const entry = (name: string, value: string, modRevision = 1n): KeyValue => ({
  key: `${path}${name}`,
  value,
  modRevision,
})
const list = (codec: Codec = codecs.address): ServiceList => new ServiceList('orders', path, codec)
const idsOf = ({ instances }: InstanceList): string[] => instances.map(({ id }) => id)

it('has an instance for each key', () => {
  expect(idsOf(list().of([entry('1', 'h:1'), entry('2', 'h:2')]))).toEqual(['h:1', 'h:2'])
})

it('of two keys for one instance the one written later counts, in whatever order they come', () => {
  const codec: Codec = { decode: ({ name, value }) => ({ host: 'h', port: 1, metadata: { name, value } }) }
  const [old, recent] = [entry('1', 'old', 5n), entry('2', 'new', 9n)]
  for (const entries of [
    [old, recent],
    [recent, old],
  ]) {
    expect(list(codec).of(entries).instances).toMatchObject([{ id: 'h:1', metadata: { value: 'new' } }])
  }
})

it('a value is read once, however often the list is made', () => {
  let reads = 0
  const codec: Codec = {
    decode: ({ value }) => {
      reads++
      return value
    },
  }
  const services = list(codec)
  const entries = [entry('1', 'h:1'), entry('2', 'h:2')]
  const [first, second] = [services.of(entries), services.of(entries)]
  expect(reads).toBe(2)
  expect(first?.instances[0]).toBe(second?.instances[0])
})

it('what the codec says is none is left out; a key of another service is not passed over without a word', () => {
  const codec: Codec = { decode: ({ name, value }) => (name === 'lock' ? undefined : value) }
  const foreign: KeyValue = { key: '/microservices/orders2/1', value: 'h:3', modRevision: 1n }
  expect(idsOf(list(codec).of([entry('1', 'h:1'), entry('lock', 'x'), entry('', 'h:2')]))).toEqual(['h:1'])
  const { rejected } = list(codec).of([entry('1', 'h:1'), foreign])
  expect(rejected).toMatchObject([{ message: expect.stringContaining('the key is none of this service') }])
})

it('a value that cannot be read is rejected, by its key and with the reason', () => {
  expect(list(codecs.kratos).of([entry('a1', '{')])).toMatchObject({
    instances: [],
    rejected: [{ field: 'value', message: 'the value of /microservices/orders/a1 cannot be read: it is not JSON' }],
  })
  expect(list().of([entry('a1', 'h:99999')]).rejected).toMatchObject([
    { field: 'port', message: expect.stringContaining('port of an instance must be') },
  ])
})

it('core leaves out the value that cannot be read, and takes a list of such values for a failure', async () => {
  const discovery = new FakeWatchDiscovery()
  const lb = new LoadBalancer({ discovery })
  const events: string[] = []
  lb.subscribe((event) => events.push(event.type === 'instance-rejected' ? event.error.message : event.type))
  const ready = lb.ready('orders')
  const push = ({ instances, rejected }: InstanceList): void => discovery.push(instances, rejected)
  push(list().of([entry('1', 'h:1'), entry('2', 'nonsense')]))
  await ready
  expect(lb.pick('orders').id).toBe('h:1')
  expect(events).toContainEqual(expect.stringContaining('the value of /microservices/orders/2 cannot be read'))
  push(list().of([entry('2', 'nonsense')]))
  expect(events.at(-1)).toBe('discovery-failed')
  expect(lb.pick('orders').id).toBe('h:1')
  await lb.close()
})
