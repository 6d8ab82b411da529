import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidOptionError } from '@lb/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kubeconfigAccess } from './kubeconfig.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lb-kubeconfig-'))
  file = join(folder, 'config')
})
afterEach(() => rmSync(folder, { recursive: true }))

const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Writes the file; `user` and `cluster` are lines of YAML. */
function config(user: string, cluster = 'server: https://10.0.0.1:6443', more = ''): string {
  const text = `
apiVersion: v1
kind: Config
preferences: {}
current-context: me@prod
contexts:
- {name: other, context: {cluster: second}}
- name: me@prod
  context: {cluster: prod, user: me, namespace: shop}
clusters:
- name: prod
  cluster:
    ${cluster.replaceAll('\n', '\n    ')}
- name: second
  cluster: {server: "http://127.0.0.1:8001"}
users:
- name: me
  user:
    ${user.replaceAll('\n', '\n    ')}
${more}`
  writeFileSync(file, text)
  return file
}

describe('a kubeconfig', () => {
  it('gives server, authority, token and namespace of its current context', () => {
    const cluster = `server: https://10.0.0.1:6443\ncertificate-authority-data: ${base64(pem)}\ntls-server-name: kube.test`
    expect(kubeconfigAccess(config('token: secret-1', cluster))).toEqual({
      server: 'https://10.0.0.1:6443',
      tls: { ca: pem, serverName: 'kube.test' },
      token: 'secret-1',
      namespace: 'shop',
    })
  })

  it('gives those of another context', () => {
    expect(kubeconfigAccess(config('token: secret-1'), 'other')).toEqual({
      server: 'http://127.0.0.1:8001',
      tls: {},
      namespace: undefined,
    })
  })

  it('names files from its own folder on', () => {
    const cluster = 'server: https://h:1\ncertificate-authority: ca.pem'
    const user = 'client-certificate: sub/me.pem\nclient-key: /keys/me.key\ntokenFile: ./token\ntoken: ignored'
    expect(kubeconfigAccess(config(user, cluster))).toMatchObject({
      tls: { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'sub/me.pem'), keyFile: '/keys/me.key' },
      tokenFile: join(folder, 'token'),
    })
  })

  it('has certificate and key in it; data comes before files', () => {
    const user = `client-certificate: x.pem\nclient-certificate-data: ${base64(pem)}\nclient-key-data: ${base64(pem)}`
    expect(kubeconfigAccess(config(user)).tls).toEqual({ cert: pem, key: pem })
  })

  it.each(['token: secret-1', 'tokenFile: /none', 'client-key: /none', 'exec: {command: aws}', 'token: 1'])(
    'over plain HTTP leaves the user out, as client-go does: %s',
    (user) => {
      const access = { server: 'HTTP://10.0.0.1:8080', tls: {}, namespace: 'shop' }
      expect(kubeconfigAccess(config(user, 'server: HTTP://10.0.0.1:8080'))).toEqual(access)
    },
  )

  it('may say that nothing is verified', () => {
    const cluster = 'server: https://h:1\ninsecure-skip-tls-verify: true'
    expect(kubeconfigAccess(config('{}', cluster)).tls).toEqual({ rejectUnauthorized: false })
  })

  it('may be JSON, as that is YAML', () => {
    const contexts = [{ name: 'a', context: { cluster: 'c', user: '' } }]
    const content = { contexts, clusters: [{ name: 'c', cluster: { server: 'https://h:1' } }], users: [{ name: '' }] }
    writeFileSync(file, JSON.stringify({ ...content, 'current-context': 'a' }))
    expect(kubeconfigAccess(file)).toMatchObject({ server: 'https://h:1', tls: {} })
  })
})

describe('a kubeconfig that cannot be used', () => {
  const exec = 'exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, env: [{name: A, value: secret-1}]}'
  it.each<[string, () => void, string]>([
    ['is not there', () => {}, 'It cannot be read (ENOENT)'],
    ['is no YAML', () => writeFileSync(file, 'token: "secret-1\n  [}'), 'It is no YAML'],
    ['is a text', () => writeFileSync(file, 'secret-1'), 'It holds no mapping'],
    ['is empty', () => writeFileSync(file, ''), 'It holds no mapping'],
    ['has no current context', () => writeFileSync(file, 'contexts: []'), 'name one with the option context'],
    ['has no such context', () => writeFileSync(file, 'current-context: x'), 'It has none of that name in contexts'],
    ['has no server', () => config('{}', 'insecure-skip-tls-verify: true'), 'the cluster "prod" has a server'],
    ['has a server that is none', () => config('{}', 'server: h:1'), 'the server of the cluster "prod" must be a URL'],
    ['needs a proxy', () => config('{}', 'server: https://h:1\nproxy-url: socks5://p'), 'proxy-url'],
    [
      'runs a program',
      () => config(exec),
      'the user "me" uses an exec plugin, which is not run. Give server and the token',
    ],
    ['has an auth provider', () => config('auth-provider: {name: gcp}'), 'uses an auth provider'],
    ['has a password', () => config('username: me\npassword: secret-1'), 'uses a name and password'],
    ['impersonates', () => config('token: secret-1\nas: root'), 'uses impersonation'],
    ['has a token that is none', () => config('token: "secret-1 2"'), 'a token of printable characters'],
    ['has a token that is a number', () => config('token: 1'), 'token of the user "me" is a text'],
    [
      'has data that is no PEM',
      () => config('client-key-data: c2VjcmV0LTE='),
      'client-key-data of the user "me" is PEM in base64',
    ],
    ['has users of another shape', () => config('{}', undefined, 'users: secret-1'), 'It is no YAML'],
  ])('because it %s is refused with a reason, and without its secrets', (_, write, message) => {
    write()
    const read = (): unknown => kubeconfigAccess(file)
    expect(read).toThrow(InvalidOptionError)
    expect(read).toThrow(message)
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-1') }))
  })

  it('says when the named context, cluster or user is missing', () => {
    expect(() => kubeconfigAccess(config('{}'), 'nowhere')).toThrow('the context "nowhere"')
    writeFileSync(file, 'contexts: [{name: a, context: {}}, {name: b, context: {cluster: c}}]')
    expect(() => kubeconfigAccess(file, 'a')).toThrow('the context "a" has a cluster')
    expect(() => kubeconfigAccess(file, 'b')).toThrow('the cluster "c"')
  })
})
