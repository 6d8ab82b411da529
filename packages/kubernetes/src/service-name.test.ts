import { DiscoveryError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { isNamespace, parseServiceName } from './service-name.ts'

describe('the name of a service', () => {
  it.each([
    ['orders', 'shop', 'orders'],
    ['orders.prod', 'prod', 'orders'],
    ['orders.prod.svc', 'prod', 'orders'],
    ['orders.prod.svc.cluster.local', 'prod', 'orders'],
    ['orders.prod.svc.example.org', 'prod', 'orders'],
    ['2-letters', 'shop', '2-letters'],
  ])('%s is a Service in the namespace %s', (service, namespace, name) => {
    expect(parseServiceName(service, 'shop')).toEqual({ namespace, name })
  })

  it.each([
    '',
    '.',
    'Orders',
    'orders.',
    '.prod',
    'orders/..',
    'a b',
    '-a',
    'a-',
    'orders.prod.cluster.local',
    'ö',
    'a'.repeat(64),
  ])('%j is none', (service) => {
    const parse = (): unknown => parseServiceName(service, 'shop')
    expect(parse).toThrow(DiscoveryError)
    expect(parse).toThrow('names no Service: write "orders", or "orders.prod"')
  })

  it('is not shown at any length', () => {
    expect(() => parseServiceName('a'.repeat(10_000), 'shop')).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{0,200}$/) }),
    )
  })
})

it('a namespace is a DNS label', () => {
  expect(['default', 'kube-system', 'a.b', '', 'A'].map(isNamespace)).toEqual([true, true, false, false, false])
})
