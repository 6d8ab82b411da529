import { LoadBalancer, parseInstance, StaticDiscovery } from '@lb/core'
import { expect, it, vi } from 'vitest'
import { InstancePools } from './instance-pools.ts'

it('opens one pool for each instance, and closes it when the instance leaves or the load balancer is closed', async () => {
  const discovery = new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80'] })
  const lb = new LoadBalancer({ discovery })
  const closed: string[] = []
  const opened: string[] = []
  const pools = new InstancePools(lb, (origin) => {
    opened.push(origin)
    return { close: async () => void closed.push(origin) }
  })
  await lb.ready('users')
  const [one, two] = ['10.0.0.1:80', '10.0.0.2:80'].map((each) => parseInstance(each))
  if (one === undefined || two === undefined) throw new TypeError('there are two')
  expect(pools.for(one)).toBe(pools.for(one))
  pools.for(two)
  expect(opened).toEqual(['http://10.0.0.1:80', 'http://10.0.0.2:80'])
  discovery.set('users', ['10.0.0.2:80'])
  await vi.waitFor(() => expect(closed).toEqual(['http://10.0.0.1:80']))
  expect(pools.size).toBe(1)
  // A last request may have been on its way when it left.
  pools.for(one)
  expect(opened).toHaveLength(3)
  await lb.close()
  expect(closed.toSorted()).toEqual(opened.toSorted())
})
