import { InvalidOptionError } from '@lb/core'
import { systemClock } from '@lb/core/authoring'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { KubernetesDiscovery } from './kubernetes-discovery.ts'
import { accessOf, checkOptions, type KubernetesDiscoveryOptions } from './options.ts'

afterEach(() => vi.unstubAllEnvs())

describe('options of KubernetesDiscovery', () => {
  it.each<[string, KubernetesDiscoveryOptions]>([
    ['nothing', {}],
    ['a server', { server: 'http://127.0.0.1:8001' }],
    [
      'everything',
      {
        namespace: 'prod',
        port: 'http',
        family: 6,
        zone: 'eu-a',
        node: 'n1',
        weightKey: 'example.org/weight',
        server: 'https://[::1]:6443',
        tokenFile: '/token',
        caFile: '/ca',
        timeoutMs: 1,
        watchTimeoutMs: 1_000,
        idleTimeoutMs: 1,
        random: () => 0,
      },
    ],
    ['a port by number or by service', { port: 8080 }],
    ['a port by service', { port: () => 'http' }],
    ['a kubeconfig with a context', { kubeconfig: '/home/me/.kube/config', context: 'prod' }],
    ['undefined', { namespace: undefined, token: undefined } as unknown as KubernetesDiscoveryOptions],
  ])('may be %s', (_, options) => {
    expect(() => checkOptions(options)).not.toThrow()
  })

  it.each<[string, object, string]>([
    ['a namespace that is none', { namespace: 'a/b' }, 'KubernetesDiscovery.namespace must be the name of a namespace'],
    ['port 0', { port: 0 }, 'KubernetesDiscovery.port must be the name of a port, a number in [1, 65535]'],
    ['an empty port', { port: '' }, 'KubernetesDiscovery.port'],
    ['another family', { family: 5 }, '4 or 6'],
    ['an empty zone', { zone: '' }, 'KubernetesDiscovery.zone'],
    ['a node that is a number', { node: 1 }, 'KubernetesDiscovery.node'],
    ['an empty weight key', { weightKey: '' }, 'KubernetesDiscovery.weightKey'],
    ['a server that is none', { server: '10.0.0.1' }, 'KubernetesDiscovery.server must be a URL'],
    ['a context without a kubeconfig', { context: 'a' }, 'Add the option kubeconfig'],
    ['a kubeconfig and a server', { kubeconfig: 'x', server: 'https://h:1' }, 'server or kubeconfig, not both'],
    ['a kubeconfig and a token', { kubeconfig: 'x', token: 'secret-1' }, 'token or kubeconfig, not both'],
    ['two tokens', { token: 'secret-1', tokenFile: 'x' }, 'tokenFile or token, not both'],
    ['a token that cannot be sent', { token: 'secret-1\n' }, 'Trim it'],
    ['a token that is an object', { token: { x: 'secret-1' } }, 'KubernetesDiscovery.token'],
    ['no time', { timeoutMs: 0 }, 'KubernetesDiscovery.timeoutMs'],
    ['a watch shorter than the API can say', { watchTimeoutMs: 999 }, 'KubernetesDiscovery.watchTimeoutMs'],
    ['no silence', { idleTimeoutMs: 0 }, 'KubernetesDiscovery.idleTimeoutMs'],
    ['chance that is no function', { random: 4 }, 'KubernetesDiscovery.random'],
    ['half a clock', { clock: { now: () => 0 } }, 'KubernetesDiscovery.clock'],
    ['an unknown option', { nameSpace: 'prod' }, 'Did you mean namespace?'],
    ['no object', [] as object, 'KubernetesDiscovery must be an object'],
  ])('may not be %s', (_, options, message) => {
    const build = (): unknown => new KubernetesDiscovery(options as KubernetesDiscoveryOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(message)
    expect(build).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-1') }))
  })
})

describe('the API server', () => {
  const folder = '/var/run/secrets/kubernetes.io/serviceaccount'
  const limit = { clock: systemClock, timeoutMs: 10_000 }

  it('is that of the pod, with its token and authority', () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.96.0.1')
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443')
    const own = { server: 'https://10.96.0.1:443', tls: { caFile: `${folder}/ca.crt` } }
    expect(accessOf({}, limit)).toMatchObject({ ...own, tokenFile: `${folder}/token` })
    expect(accessOf({ token: 't', caFile: '/ca' }, limit)).toEqual({ ...own, tls: { caFile: '/ca' }, token: 't' })
  })

  it('when another one, never gets the token of the pod', () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.96.0.1')
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443')
    expect(accessOf({ server: 'https://h:1' }, limit)).toEqual({ server: 'https://h:1', tls: {} })
    expect(accessOf({ server: 'https://h:1', tokenFile: '/t', caFile: '/ca' }, limit)).toEqual({
      server: 'https://h:1',
      tls: { caFile: '/ca' },
      tokenFile: '/t',
    })
  })

  it('has to be told outside of a pod', () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '')
    expect(() => new KubernetesDiscovery()).toThrow('Outside of a pod, give server')
  })
})
