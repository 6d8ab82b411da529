import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { type BackendScript, LoopbackBackend } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { got, loadBalanced } from '../../docs/recipes/got-handler.ts'

let instances: LoopbackBackend[]
let lb: LoadBalancer
let client: typeof got
const unhandled: unknown[] = []
const note = (error: unknown): void => void unhandled.push(error)

beforeEach(async () => {
  instances = await Promise.all(['a', 'b', 'c'].map((id) => LoopbackBackend.start({ id, script: { body: id } })))
  const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })
  lb = new LoadBalancer({ discovery, random: () => 0 })
  client = got.extend({ handlers: [loadBalanced(lb)] })
  process.on('unhandledRejection', note)
})
afterEach(async () => {
  await lb.close()
  await Promise.all(instances.map((instance) => instance.stop()))
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

const url = 'http://user-service/v1/profile?x=1'
const requests = (): number => instances.reduce((sum, instance) => sum + instance.requests.length, 0)
/** The first instance, which is picked first, answers so. */
function script(first: BackendScript): void {
  for (const instance of instances.slice(0, 1)) instance.script = first
}

describe('the handler for got', () => {
  it('loses no call when an instance dies', async () => {
    const answers: string[] = []
    for (let call = 0; call < 30; call++) {
      if (call === 10) await instances[0]?.stop()
      answers.push(await client(url).text())
    }
    expect(new Set(answers.slice(0, 10))).toEqual(new Set(['a', 'b', 'c']))
    expect(new Set(answers.slice(10))).toEqual(new Set(['b', 'c']))
  })

  it.each<{ script: BackendScript }>([
    { script: { status: 503 } },
    { script: { fault: 'reset' } },
    { script: { fault: 'reset-in-body' } },
  ])('repeats a GET at another instance after $script', async ({ script: fault }) => {
    for (const throwHttpErrors of [true, false]) {
      script(fault)
      const response = await client(url, { throwHttpErrors })
      expect([response.statusCode, ['b', 'c'].includes(response.body)]).toEqual([200, true])
    }
  })

  it('repeats a POST only with an Idempotency-Key', async () => {
    for (const instance of instances) instance.script = { status: 503 }
    await expect(client.post(url, { json: { name: 'Ada' } })).rejects.toMatchObject({ response: { statusCode: 503 } })
    expect(requests()).toBe(1)
    const headers = { 'idempotency-key': '1' }
    await expect(client.post(url, { json: {}, headers })).rejects.toMatchObject({ response: { statusCode: 503 } })
    expect(requests()).toBe(1 + 3)
  })

  it('sends what got would send, and gives what got gives', async () => {
    for (const instance of instances) instance.script = {}
    const sent = await client.post(url, { json: { name: 'Ada' }, headers: { 'x-tenant': 't' } }).json()
    expect(sent).toMatchObject({
      method: 'POST',
      url: '/v1/profile?x=1',
      headers: { 'x-tenant': 't', 'content-type': 'application/json' },
      body: '{"name":"Ada"}',
    })
    expect(await client('v1/profile', { prefixUrl: 'http://user-service', resolveBodyOnly: true })).toContain('"GET"')
    expect((await client(url).buffer()).length).toBeGreaterThan(0)
  })

  it('throws a 404 as an HTTPError after one request, and blames no instance', async () => {
    for (const instance of instances) instance.script = { status: 404 }
    await expect(client(url)).rejects.toMatchObject({ name: 'HTTPError', response: { statusCode: 404 } })
    expect(requests()).toBe(1)
  })

  it('ends at once when the caller aborts', async () => {
    for (const instance of instances) instance.script = { fault: 'black-hole' }
    const controller = new AbortController()
    const call = client(url, { signal: controller.signal })
    setImmediate(() => controller.abort(new Error('enough')))
    await expect(call).rejects.toThrow('enough')
  })

  it('passes on what is no request to a service, and refuses streams', async () => {
    expect(await client(`${instances[1]?.url}/`).text()).toBe('b')
    expect(() => client.stream(url)).toThrow('lb.acquire')
  })
})
