import type { IncomingMessage } from 'node:http'
import { type RoutingOptions, StaticDiscovery } from '@lb/core'
import { afterEach, expect, it } from 'vitest'
import { closeAll, startEcho, startGateway } from './support.ts'

afterEach(closeAll)

async function routedGateway(fallback: RoutingOptions['fallback'], proxy: object) {
  const [stable, grey] = [await startEcho(), await startEcho()]
  const instances = [stable, grey].map(({ address }, index) => {
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), metadata: { version: index === 0 ? 'v1' : 'v2' } }
  })
  const services = { service: { routing: { keys: ['version'], fallback } } }
  const gateway = await startGateway([], {
    proxy,
    lb: { discovery: new StaticDiscovery({ service: instances }), services },
  })
  const send = (version?: string): Promise<Response> =>
    fetch(gateway.url, version === undefined ? {} : { headers: { 'x-version': version } })
  return { ...gateway, stable, grey, send }
}

const match = ({ headers }: IncomingMessage) => ({ version: headers['x-version']?.toString() })

it('sends a request to the instances that match', async () => {
  const { send, stable, grey } = await routedGateway('none', { match })
  for (let round = 0; round < 3; round++) expect((await send('v2')).status).toBe(200)
  expect([stable.seen.length, grey.seen.length]).toEqual([0, 3])
  for (let round = 0; round < 4; round++) expect((await send()).status).toBe(200)
  expect([stable.seen.length, grey.seen.length]).toEqual([2, 5])
})

it('answers 503 where none matches and the service has no fallback, and takes another where it has', async () => {
  const { send } = await routedGateway('none', { match })
  expect((await send('v9')).status).toBe(503)
  const { send: sendAnyway } = await routedGateway('any', { match })
  expect((await sendAnyway('v9')).status).toBe(200)
})

it('answers with the status of what match throws, and refuses one that is no function', async () => {
  const refuse = (): never => {
    throw Object.assign(new Error('no such tenant'), { statusCode: 404 })
  }
  const { send } = await routedGateway('none', { match: refuse })
  expect((await send()).status).toBe(404)
  await expect(routedGateway('none', { match: { version: 'v1' } })).rejects.toThrow(/proxy\.match/)
})

it('a grey release as docs/how-to/grey-release.md has it costs no request when the new version fails', async () => {
  const { send, stable, grey, lb } = await routedGateway(
    { version: 'v1' },
    { match: ({ headers }: IncomingMessage) => ({ version: headers['x-version']?.toString() ?? 'v1' }) },
  )
  for (let round = 0; round < 3; round++) {
    expect((await send()).status).toBe(200)
    expect((await send('v2')).status).toBe(200)
  }
  expect([stable.seen.length, grey.seen.length]).toEqual([3, 3])
  lb.control('service').drain(grey.address)
  expect((await send('v2')).status).toBe(200)
  expect([stable.seen.length, grey.seen.length]).toEqual([4, 3])
  expect(lb.inspect('service').subsets).toEqual([
    { values: { version: 'v1' }, candidates: [stable.address] },
    { values: { version: 'v2' }, candidates: [] },
  ])
})
