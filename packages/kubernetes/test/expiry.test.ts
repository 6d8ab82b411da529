import { createSign, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Notes } from '@lb/testing'
import { FaultProxy, KubeApiServer, startTimeoutMs } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { KubernetesRegistry } from './kubernetes-registry.ts'

describeWithServers('with a Kubernetes API server that forgets', KubeApiServer.programs, () => {
  let server: KubeApiServer
  let registry: KubernetesRegistry
  beforeAll(async () => {
    // Without its cache, it knows as much of the past as its etcd.
    server = await KubeApiServer.start({ flags: ['--watch-cache=false', '--etcd-compaction-interval=0'] })
    registry = new KubernetesRegistry(server)
  }, startTimeoutMs)
  afterAll(() => server.stop())

  function eventually(check: () => void): Promise<void> {
    return vi.waitFor(check, { timeout: 20_000, interval: 10 })
  }

  it('a watch that was away for too long lists again, and its list is never empty', { timeout: 40_000 }, async () => {
    const proxy = await FaultProxy.start({ port: Number(new URL(server.url).port) })
    await registry.set('orders', [{ host: '10.0.0.1', port: 80 }])
    const notes = new Notes()
    const discovery = registry.discover({ server: `https://${proxy.address}` })
    discovery.watch('orders', notes)
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.1']))
    proxy.refuse()
    proxy.reset()
    await eventually(() => expect(notes.errors.length).toBeGreaterThan(0))
    await registry.set('orders', [{ host: '10.0.0.2', port: 80 }])
    await forgetThePast()
    // As of then, only a new list tells.
    await proxy.pass()
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.2']))
    await registry.set('orders', [{ host: '10.0.0.3', port: 80 }])
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.3']))
    expect(notes.lists.every((list) => list.length > 0)).toBe(true)
    expect(notes.messages.join()).not.toContain('too old')
    await discovery.close()
    await proxy.close()
  })

  it('a token that expires is replaced by the one that is then in its file', { timeout: 60_000 }, async () => {
    const account = 'system:serviceaccount:default:reader'
    const path = '/api/v1/namespaces/default/serviceaccounts'
    const { metadata } = (await server.request('POST', path, { metadata: { name: 'reader' } })) as {
      metadata: { uid: string }
    }
    await letRead(account)
    const tokenFile = join(dirname(server.caPath), 'token')
    const short = tokenOf('reader', metadata.uid, 2)
    writeFileSync(tokenFile, short)
    await registry.set('web', [{ host: '10.0.0.1', port: 80 }])
    const discovery = registry.discover({ tokenFile, watchTimeoutMs: 2_000 })
    const notes = new Notes()
    discovery.watch('web', notes)
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.1']))
    // A watch outlives its token; what comes after it is refused.
    await eventually(() => expect(notes.messages.join()).toContain('The token is not accepted'))
    expect(notes.messages.join()).not.toContain(short.slice(0, 40))
    writeFileSync(tokenFile, tokenOf('reader', metadata.uid, 3_600))
    await registry.set('web', [{ host: '10.0.0.2', port: 80 }])
    await eventually(() => expect(notes.hosts).toEqual(['10.0.0.2']))
    expect(await discovery.getInstances('web')).toHaveLength(1)
    await discovery.close()
  })

  async function forgetThePast(): Promise<void> {
    const { header } = (await server.etcd.post('/v3/kv/range', { key: 'AA==' })) as { header: { revision: string } }
    await server.etcd.post('/v3/kv/compaction', { revision: header.revision })
  }

  async function letRead(user: string): Promise<void> {
    const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
    const metadata = { name: 'token-test' }
    const rule = { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }
    await server.request('POST', `${path}/roles`, { metadata, rules: [rule] })
    await server.request('POST', `${path}/rolebindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    })
  }

  /**
   * What TokenRequest gives, which is ten minutes at least: signed with the key of the server, for a token that is good for a few seconds.
   * The server lets tokens live a minute longer than they say.
   */
  function tokenOf(name: string, uid: string, goodForSeconds: number): string {
    const now = Math.floor(Date.now() / 1_000)
    const issuer = 'https://kubernetes.default.svc'
    const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      iss: issuer,
      aud: [issuer],
      sub: `system:serviceaccount:default:${name}`,
      iat: now - 600,
      nbf: now - 600,
      exp: now - 60 + goodForSeconds,
      jti: randomUUID(),
      'kubernetes.io': { namespace: 'default', serviceaccount: { name, uid } },
    }
    const signed = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`
    const key = readFileSync(join(dirname(dirname(server.caPath)), 'service-accounts.key'), 'utf8')
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
  }
})
