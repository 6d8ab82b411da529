import { InvalidInstanceError, parseInstance, type ServiceInstanceInit } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { type ConsulRegistrarOptions, registrarSettings } from './registrar-options.ts'
import { type ServiceDefinition, serviceDefinition } from './service-definition.ts'

const defined = (init: ServiceInstanceInit, options: ConsulRegistrarOptions = {}): ServiceDefinition =>
  serviceDefinition('web', parseInstance(init), registrarSettings('ConsulRegistrar', options))

describe('the definition of an instance', () => {
  it('says everything that the instance does', () => {
    const init = {
      host: '10.0.0.1',
      port: 80,
      weight: 10,
      priority: 2,
      zone: 'a',
      secure: true,
      metadata: { version: '2' },
    }
    expect(defined(init, { tags: ['v2'], warningWeight: 3, zoneKey: 'az' })).toEqual({
      ID: 'web:10.0.0.1:80',
      Name: 'web',
      Tags: ['v2'],
      Address: '10.0.0.1',
      Port: 80,
      TaggedAddresses: { https: { Address: 'https://10.0.0.1:80', Port: 80 } },
      Meta: { version: '2', az: 'a', secure: 'true', 'lb-priority': '2' },
      Weights: { Passing: 10, Warning: 3 },
      Check: {
        CheckID: 'service:web:10.0.0.1:80',
        Name: 'alive',
        TTL: '15000ms',
        Status: 'passing',
        DeregisterCriticalServiceAfter: '60000ms',
      },
    })
  })

  it('adds nothing to the metadata of a plain one', () => {
    expect(defined('10.0.0.1:80')).toMatchObject({ Meta: {} })
    expect(defined('10.0.0.1:80')).not.toHaveProperty('TaggedAddresses')
  })

  it('has a check by which the agent asks the instance', () => {
    const check = { http: '/health', intervalMs: 2_000, timeoutMs: 300, tlsSkipVerify: true }
    expect(defined('https://[::1]:443', { check, deregisterCriticalAfterMs: Number.POSITIVE_INFINITY }).Check).toEqual({
      CheckID: 'service:web:::1:443',
      Name: 'answers',
      HTTP: 'https://[::1]:443/health',
      Interval: '2000ms',
      Timeout: '300ms',
      TLSSkipVerify: true,
    })
    expect(defined('a.test:80', { check: { http: 'http://b.test/up' } }).Check).toMatchObject({
      HTTP: 'http://b.test/up',
      Interval: '10000ms',
      Timeout: '5000ms',
    })
    expect(defined('a.test:80', { check: { http: '/up' } }).Check.HTTP).toBe('http://a.test:80/up')
  })

  it.each([0, 1.5, 65_536])('cannot have the weight %s', (weight) => {
    const define = (): unknown => defined({ host: 'a', port: 1, weight })
    expect(define).toThrow(InvalidInstanceError)
    expect(define).toThrow(/weight of an instance must be an integer in \[1, 65535\] for Consul/)
  })
})
