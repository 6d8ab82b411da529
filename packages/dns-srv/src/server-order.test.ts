import { FakeClock } from '@lb/testing'
import { expect, it } from 'vitest'
import { ServerOrder } from './server-order.ts'

const [a, b, c] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address, port: 53 })) as [
  Server,
  Server,
  Server,
]
type Server = { address: string; port: number }

it('puts servers that failed last, for 30 s or until they answer', async () => {
  const clock = new FakeClock()
  const order = new ServerOrder(clock)
  expect(order.sort([a, b, c])).toEqual([a, b, c])
  order.failed(a)
  await clock.advance(20_000)
  order.failed(b)
  expect(order.sort([a, b, c])).toEqual([c, a, b])
  await clock.advance(10_000)
  expect(order.sort([a, b, c])).toEqual([a, c, b])
  order.answered(b)
  expect(order.sort([a, b, c])).toEqual([a, b, c])
})

it('remembers a bounded number of servers', () => {
  const order = new ServerOrder(new FakeClock())
  for (let port = 1; port <= 65; port++) order.failed({ address: '10.0.0.9', port })
  const first = { address: '10.0.0.9', port: 1 }
  expect(order.sort([first, a])).toEqual([first, a])
})

it('with rotate, begins with another server each time', async () => {
  const order = new ServerOrder(new FakeClock())
  const firsts = Array.from({ length: 4 }, () => order.sort([a, b, c], true))
  expect(firsts).toEqual([
    [a, b, c],
    [b, c, a],
    [c, a, b],
    [a, b, c],
  ])
  order.failed(b)
  expect(order.sort([a, b, c], true)).toEqual([c, a, b])
  expect(order.sort([], true)).toEqual([])
})
