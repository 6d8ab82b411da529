import { describe, expect, it } from 'vitest'
import { checkLoadBalancer, isLoadBalancer } from '../src/authoring.ts'
import { InvalidOptionError, LoadBalancer, StaticDiscovery } from '../src/index.ts'

describe('isLoadBalancer', () => {
  it('holds for a load balancer, and for what calls and is observed like one: that of another copy', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({}) })
    expect(isLoadBalancer(lb)).toBe(true)
    expect(isLoadBalancer({ execute: () => undefined, subscribe: () => undefined })).toBe(true)
    await lb.close()
  })

  it.each([
    undefined,
    null,
    'lb',
    1,
    () => undefined,
    {},
    { execute: () => undefined },
    { execute: 1, subscribe: 1 },
    [],
    LoadBalancer,
  ])('does not hold for %s', (value) => expect(isLoadBalancer(value)).toBe(false))
})

describe('checkLoadBalancer', () => {
  it('passes a load balancer, and rejects anything else by the name that it was given', () => {
    checkLoadBalancer('proxy.lb', { execute: () => undefined, subscribe: () => undefined })
    const check = (): void => checkLoadBalancer('proxy.lb', {})
    expect(check).toThrow(InvalidOptionError)
    expect(check).toThrow('proxy.lb must be a LoadBalancer, got an object')
  })
})
