import { StaticDiscovery } from '@lb/core'
import { expect, it, onTestFinished } from 'vitest'
import { type BackendRequest, LoopbackBackend } from '../loopback-backend.ts'
import { get, type HttpClientFixture } from './fixture.ts'
import type { HttpClientCapabilities } from './harness.ts'

const secrets = { authorization: 'Bearer secret', cookie: 'session=secret', 'proxy-authorization': 'Basic secret' }
const ofLb = { 'x-lb-criticality': 'critical', 'endpoint-load-metrics-format': 'text' }
const withSecrets = { ...get, headers: { ...secrets, 'x-class': 'critical', 'x-trace': '7' } }

interface Redirects {
  readonly client: HttpClientFixture
  readonly criticality: boolean
  /** What lb adds to a request. */
  readonly added: Readonly<Record<string, string>>
}

/** A client that follows redirects takes nothing to another host that was meant for the instance. */
export function describeRedirects(client: HttpClientFixture, capabilities: HttpClientCapabilities): void {
  const { redirects = false, criticality = false } = capabilities
  if (!redirects) return
  const added = criticality ? ofLb : { 'endpoint-load-metrics-format': ofLb['endpoint-load-metrics-format'] }
  describeOtherHosts({ client, criticality, added })
  describeServices({ client, criticality, added })
}

/** One instance, whose first response leads to `location`, and gives that instance. */
async function leadingTo(
  { client, criticality }: Redirects,
  location: string,
  others: Readonly<Record<string, string[]>> = {},
): Promise<LoopbackBackend> {
  const [{ address }] = client.backends
  const only = await client.useFirst(
    {
      discovery: new StaticDiscovery({ 'user-service': [address], ...others }),
      services: { 'user-service': { loadReports: { request: true } } },
    },
    { criticalityHeader: criticality },
  )
  only.script = ({ url }) => (url === '/' ? { status: 307, headers: { location }, body: '' } : {})
  return only
}

function describeOtherHosts(redirects: Redirects): void {
  const { client, added } = redirects

  it('takes nothing that lb adds, and no credentials, to a host that is no instance', async () => {
    const elsewhere = await started()
    const only = await leadingTo(redirects, `${elsewhere.url}/there`)
    await client.expectStatus(200, withSecrets)
    expect(only.requests.map(({ headers }) => headers)).toEqual([expect.objectContaining({ ...secrets, ...added })])
    const got = theOne(elsewhere.requests)
    expect(got.headers).toMatchObject({ 'x-trace': '7' })
    for (const name of [...Object.keys(secrets), ...Object.keys(ofLb)]) expect(got.headers).not.toHaveProperty(name)
  })

  it('brings nothing back from there', async () => {
    const elsewhere = await started()
    const only = await leadingTo(redirects, `${elsewhere.url}/there`)
    elsewhere.script = { status: 307, headers: { location: `${only.url}/back` }, body: '' }
    await client.expectStatus(200, withSecrets)
    expect(only.requests.map(({ url }) => url)).toEqual(['/', '/back'])
    const back = only.requests[1]?.headers
    for (const name of [...Object.keys(secrets), ...Object.keys(ofLb)]) expect(back).not.toHaveProperty(name)
  })

  it('takes along what the caller wrote itself under the name of a header of lb', async () => {
    const elsewhere = await started()
    const only = await leadingTo(redirects, `${elsewhere.url}/there`)
    const headers = { 'endpoint-load-metrics-format': 'json' }
    await client.expectStatus(200, { ...get, headers })
    for (const backend of [only, elsewhere]) expect(theOne(backend.requests).headers).toMatchObject(headers)
  })
}

function describeServices(redirects: Redirects): void {
  const { client, criticality, added } = redirects

  it('takes what lb adds along where the instance leads to itself', async () => {
    const only = await leadingTo(redirects, '/there')
    await client.expectStatus(200, withSecrets)
    const { headers } = only.requests[1] as BackendRequest
    expect(headers).toMatchObject({ authorization: secrets.authorization, cookie: secrets.cookie, ...added })
  })

  it('adds to a request to another service what is for that one', async () => {
    const elsewhere = await started()
    await leadingTo(redirects, 'http://order-service/there', { 'order-service': [elsewhere.address] })
    await client.expectStatus(200, withSecrets)
    const { headers } = theOne(elsewhere.requests)
    expect(headers['x-lb-criticality']).toBe(criticality ? 'critical' : undefined)
    for (const name of [...Object.keys(secrets), 'endpoint-load-metrics-format']) {
      expect(headers).not.toHaveProperty(name)
    }
  })
}

/** A server that no service has, until the test has ended. */
async function started(): Promise<LoopbackBackend> {
  const backend = await LoopbackBackend.start({ id: 'elsewhere' })
  onTestFinished(() => backend.stop())
  return backend
}

function theOne(requests: readonly BackendRequest[]): BackendRequest {
  expect(requests).toHaveLength(1)
  return requests[0] as BackendRequest
}
