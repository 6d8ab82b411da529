import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { afterAll, describe, expect, it } from 'vitest'
import { registerLoadBalancer } from './register-load-balancer.ts'
import { serviceOfTarget } from './target.ts'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({}), services: { 'User-Service': {}, 'a b': {} } })
afterAll(() => lb.close())

const serviceOf = (path: string): string => serviceOfTarget({ scheme: 'lb', path }, lb)

describe('serviceOfTarget', () => {
  it.each(['users', '/users', '//users', '//users/', 'users:443', '/users:80', 'users:'])('reads lb:%s', (path) => {
    expect(serviceOf(path)).toBe('users')
  })

  it('gives a configured service its own name, without regard to case, and takes escapes', () => {
    expect([serviceOf('user-service'), serviceOf('a%20b'), serviceOf('a%')]).toEqual(['User-Service', 'a b', 'a%'])
  })

  it.each(['unix:/tmp/socket', '/tmp/socket', 'unix:socket', '[::1]:443', '/', '', 'a%00b', 'a%0a', 'x'.repeat(1_025)])(
    'refuses lb:%s',
    (path) => {
      expect(() => serviceOf(path)).toThrow(expect.objectContaining({ code: 'LB_INVALID_OPTION' }))
    },
  )

  it('refuses a socket when the client is made, and says what to write', () => {
    registerLoadBalancer(lb, { scheme: 'lbtarget' })
    const make = (): grpc.Client => new grpc.Client('lbtarget:unix:/tmp/socket', grpc.credentials.createInsecure())
    expect(make).toThrow('write "lbtarget:user-service"')
  })
})
