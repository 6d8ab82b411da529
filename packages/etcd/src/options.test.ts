import { InvalidOptionError } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { EtcdDiscovery, type EtcdDiscoveryOptions, EtcdRegistrar, type EtcdRegistrarOptions } from './index.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

describe.each<[string, (options: object) => { close(): Promise<void> }]>([
  ['EtcdDiscovery', (options) => new EtcdDiscovery(options as EtcdDiscoveryOptions)],
  ['EtcdRegistrar', (options) => new EtcdRegistrar(options as EtcdRegistrarOptions)],
])('%s', (name, create) => {
  it.each<[object, string]>([
    [{ endpoint: 'http://h:1' }, `${name}.endpoint is not a known option. Did you mean endpoints?`],
    [{ endpoints: [] }, `${name}.endpoints must be an array of one or more URLs`],
    [{ endpoints: 'http://h:1' }, `${name}.endpoints must be an array`],
    [{ endpoints: ['http://h:1', 'h:2379'] }, `${name}.endpoints[1] must be a URL`],
    [{ endpoints: ['http://u:p@h:1'] }, 'without user name and password'],
    [{ prefix: '/services' }, `${name}.prefix must be a text that ends in a slash`],
    [{ codec: 'protobuf' }, `${name}.codec must be "kratos", "go-zero", "address", or an object`],
    [{ codec: 'toString' }, `${name}.codec must be`],
    [{ codec: {} }, `${name}.codec.decode must be a function`],
    [{ codec: { decode: () => undefined, encode: 1 } }, `${name}.codec.encode must be a function`],
    [{ username: 'root' }, `${name}.password must be given`],
    [{ password: 'p' }, `${name}.username must be given`],
    [{ username: '', password: 'p' }, `${name}.username must be a text that is not empty`],
    [{ username: 'u', password: 7 }, `${name}.password must be a text`],
    [{ timeoutMs: 0 }, `${name}.timeoutMs must be a number of milliseconds`],
    [{ tls: { cafile: '/x' } }, `${name}.tls.cafile is not a known option`],
    [{ clock: {} }, `${name}.clock must be a Clock`],
    [{ random: 0.5 }, `${name}.random must be a function`],
  ])('refuses %j', (options, message) => {
    expect(() => create(options)).toThrow(InvalidOptionError)
    expect(() => create(options)).toThrow(message)
  })

  it('shows no password', () => {
    expect(() => create({ username: 'u', password: ['hunter2'] })).toThrow(expect.not.stringContaining('hunter2'))
    expect(() => create({ endpoints: ['http://u:hunter2@h:1'] })).toThrow(expect.not.stringContaining('hunter2'))
  })

  it('takes no option at all, and every one', () => {
    opened.push(create({}))
    opened.push(
      create({
        endpoints: ['https://h:2379'],
        prefix: '',
        codec: 'address',
        username: 'u',
        password: '',
        timeoutMs: 1,
      }),
    )
  })
})

it('EtcdDiscovery refuses a bad probeIntervalMs', () => {
  expect(() => new EtcdDiscovery({ probeIntervalMs: -1 })).toThrow('EtcdDiscovery.probeIntervalMs must be')
})

it('EtcdRegistrar refuses a bad ttlMs or onError, and a codec that cannot write', () => {
  expect(() => new EtcdRegistrar({ ttlMs: 0 })).toThrow('EtcdRegistrar.ttlMs must be')
  expect(() => new EtcdRegistrar({ onError: 1 as never })).toThrow('EtcdRegistrar.onError must be a function')
  expect(() => new EtcdRegistrar({ codec: { decode: () => undefined } })).toThrow(
    'EtcdRegistrar.codec must be one that has encode',
  )
})

it('what the caller does to the options later changes nothing', async () => {
  const options: { prefix?: string; endpoints: string[]; timeoutMs: number } = {
    endpoints: ['http://127.0.0.1:1'],
    timeoutMs: 100,
  }
  const discovery = new EtcdDiscovery(options)
  opened.push(discovery)
  options.endpoints[0] = 'nonsense'
  await expect(discovery.getInstances('web')).rejects.toThrow('http://127.0.0.1:1')
})

it('a service without a name is refused', async () => {
  const discovery = new EtcdDiscovery()
  const registrar = new EtcdRegistrar()
  opened.push(discovery, registrar)
  await expect(discovery.getInstances('')).rejects.toThrow('a service without a name')
  await expect(registrar.register('', 'h:1')).rejects.toThrow('a service without a name')
})
