import { KubeConfig } from '@kubernetes/client-node'
import { InvalidOptionError } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { TokenSource } from './bearer-token.ts'
import type { ClusterAccess } from './cluster-access.ts'
import { checkKubeConfigObject, type KubeConfigObject, kubeConfigObjectAccess } from './kube-config-object.ts'

const pem = (what: string): string => `-----BEGIN ${what}-----\nAA==\n-----END ${what}-----\n`
const base64 = (text: string): string => Buffer.from(text).toString('base64')

let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
})

function config(user: object, cluster: object = {}, namespace = 'shop'): KubeConfig {
  const made = new KubeConfig()
  made.loadFromOptions({
    clusters: [{ name: 'prod', server: 'https://10.0.0.1:6443', skipTLSVerify: false, ...cluster }],
    users: [{ name: 'me', ...user }],
    contexts: [{ name: 'me@prod', cluster: 'prod', user: 'me', namespace }],
    currentContext: 'me@prod',
  })
  return made
}

/** A user whose plugin writes `text`. */
const plugin = (text: string): object => ({
  exec: { apiVersion: 'v1', command: process.execPath, args: ['-e', `process.stdout.write(${JSON.stringify(text)})`] },
})
const access = (kubeConfig: KubeConfigObject): ClusterAccess =>
  kubeConfigObjectAccess(kubeConfig, { clock, timeoutMs: 10_000 })
const tokensOf = (kubeConfig: KubeConfigObject): TokenSource => access(kubeConfig).tokens as TokenSource
const tlsOf = async ({ tls }: ClusterAccess): Promise<unknown> => (typeof tls === 'function' ? tls() : tls)

describe('a KubeConfig of @kubernetes/client-node', () => {
  it('gives server, namespace and authority, and the token of its user', async () => {
    const cluster = { caData: base64(pem('CERTIFICATE')), tlsServerName: 'kube.test' }
    const given = access(config({ token: 'secret-1' }, cluster))
    expect(given).toMatchObject({ server: 'https://10.0.0.1:6443', namespace: 'shop' })
    expect(await tlsOf(given)).toEqual({ ca: pem('CERTIFICATE'), serverName: 'kube.test' })
    expect(await given.tokens?.current()).toBe('secret-1')
  })

  it('may name a file of the authority, skip the verification, and have neither user nor namespace', async () => {
    const given = access(config({ name: 'other' }, { caFile: '/ca.pem', skipTLSVerify: true }, ''))
    expect(await tlsOf(given)).toEqual({ caFile: '/ca.pem', rejectUnauthorized: false })
    expect([given.namespace, given.tokens]).toEqual([undefined, undefined])
  })

  it('runs the plugin of its user: for a token', async () => {
    const tokens = tokensOf(config(plugin(JSON.stringify({ status: { token: 'of-the-plugin' } }))))
    expect(await Promise.all([tokens.current(), tokens.current()])).toEqual(['of-the-plugin', 'of-the-plugin'])
    expect(await tokens.insteadOf('of-the-plugin')).toBeUndefined()
    expect(await tokens.insteadOf('an older one')).toBe('of-the-plugin')
  })

  it('runs the plugin of its user: for a certificate', async () => {
    const status = { clientCertificateData: pem('CERTIFICATE'), clientKeyData: pem('PRIVATE KEY') }
    const given = access(config(plugin(JSON.stringify({ status }))))
    expect(await tlsOf(given)).toEqual({ cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') })
    expect(await given.tokens?.current()).toBeUndefined()
  })

  it('over plain HTTP leaves the user out, and asks no plugin', async () => {
    const given = access(config(plugin('no JSON'), { server: 'http://10.0.0.1:8080' }))
    expect(given.tokens).toBeUndefined()
    expect(await tlsOf(given)).toEqual({})
  })

  it('whose plugin fails, or writes no JSON, says so and shows nothing of what it wrote', async () => {
    const fails = {
      exec: { command: process.execPath, args: ['-e', 'console.error("log in first"); process.exit(1)'] },
    }
    await expect(tokensOf(config(fails)).current()).rejects.toThrow('gave no credentials: log in first')
    const failure: unknown = await tokensOf(config(plugin('secret-1')))
      .current()
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'LB_DISCOVERY' })
    expect(String(failure)).toContain('what its plugin wrote is no JSON')
    expect(String(failure)).not.toContain('secret-1')
    await expect(tokensOf(config(plugin('{"status":{"token":"secret-1\\u0000"}}'))).current()).rejects.toThrow(
      'gave no token that could be sent',
    )
  })

  it('that never gives credentials is given up, and asked again', async () => {
    const hangs: KubeConfigObject = config({ token: 'secret-1' })
    hangs.applyToHTTPSOptions = () => new Promise<void>(() => {})
    const tokens = tokensOf(hangs)
    const first = expect(tokens.current()).rejects.toThrow('gave no credentials within 10000 ms')
    await clock.advance(10_000)
    await first
    hangs.applyToHTTPSOptions = async (request) => {
      Object.assign(request, { headers: { Authorization: 'Bearer secret-2' } })
    }
    expect(await tokens.current()).toBe('secret-2')
  })

  it.each<[string, () => KubeConfig, string]>([
    ['is empty', () => new KubeConfig(), 'a KubeConfig with a current cluster'],
    ['has a proxy', () => config({}, { proxyUrl: 'socks5://p' }), 'without a proxy'],
    [
      'has a server that is none',
      () => config({}, { server: 'h:1' }),
      'the server of the current cluster must be a URL',
    ],
    ['has a password', () => config({ username: 'me', password: 'secret-1' }), 'refuse passwords'],
    ['impersonates', () => config({ token: 'secret-1', impersonateUser: 'root' }), 'without impersonation'],
  ])('that %s is refused', (_, make, message) => {
    const use = (): unknown => access(make())
    expect(use).toThrow(InvalidOptionError)
    expect(use).toThrow(message)
    expect(use).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-1') }))
  })

  it.each<[unknown]>([[null], [7], [{ users: [{ token: 'secret-1' }] }]])('is not %o', (value) => {
    expect(() => checkKubeConfigObject(value)).toThrow('or a KubeConfig of @kubernetes/client-node')
    expect(() => checkKubeConfigObject(value)).not.toThrow('secret-1')
  })
})
