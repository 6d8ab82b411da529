import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidOptionError } from '@lb/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inClusterAccess } from './in-cluster.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lb-account-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('in a pod', () => {
  it('everything is where Kubernetes puts it', () => {
    writeFileSync(join(folder, 'namespace'), 'prod\n')
    const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
    expect(inClusterAccess(environment, folder)).toEqual({
      server: 'https://10.96.0.1:443',
      tls: { caFile: join(folder, 'ca.crt') },
      tokenFile: join(folder, 'token'),
      namespace: 'prod',
    })
  })

  it('the API server may have an IPv6 address', () => {
    const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }
    expect(inClusterAccess(environment, folder).server).toBe('https://[fd00::1]:6443')
  })

  it.each([undefined, '', '../x'])('the namespace is not known when the file has %j', (content) => {
    if (content !== undefined) writeFileSync(join(folder, 'namespace'), content)
    const environment = { KUBERNETES_SERVICE_HOST: 'h', KUBERNETES_SERVICE_PORT: '1' }
    expect(inClusterAccess(environment, folder).namespace).toBeUndefined()
  })
})

it('outside of a pod, what to do is said', () => {
  for (const environment of [{}, { KUBERNETES_SERVICE_HOST: '10.96.0.1' }, { KUBERNETES_SERVICE_PORT: '443' }]) {
    const access = (): unknown => inClusterAccess(environment, folder)
    expect(access).toThrow(InvalidOptionError)
    expect(access).toThrow('Outside of a pod, give server (with token or tokenFile) or kubeconfig')
  }
})
