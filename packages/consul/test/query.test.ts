import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConsulDiscoveryOptions } from '../src/index.ts'
import { discoveryOn, entries, LoopbackAgent } from './loopback-agent.ts'

let agent: LoopbackAgent
beforeEach(async () => {
  agent = await LoopbackAgent.start()
  agent.onQuestion = () => ({ index: 1, body: entries(1) })
})
afterEach(() => agent.close())

async function ask(options: ConsulDiscoveryOptions, service = 'web'): Promise<LoopbackAgent['questions'][0]> {
  const discovery = discoveryOn(agent, { clock: new FakeClock(), ...options })
  await discovery.getInstances(service)
  await discovery.close()
  const [question] = agent.questions
  if (question === undefined) throw new Error('nobody was asked')
  return question
}

describe('the question', () => {
  it.each<[string, ConsulDiscoveryOptions, object]>([
    ['nothing', {}, {}],
    ['a datacenter', { datacenter: 'dc2' }, { dc: 'dc2' }],
    ['a namespace', { namespace: 'team-a' }, { ns: 'team-a' }],
    ['a partition', { partition: 'p1' }, { partition: 'p1' }],
    ['a tag', { tag: 'v2' }, { filter: '"v2" in Service.Tags' }],
    [
      'tags and a filter',
      { tag: ['v2', 'eu'], filter: 'Service.Port > 1' },
      { filter: '"v2" in Service.Tags and "eu" in Service.Tags and (Service.Port > 1)' },
    ],
    ['passing ones', { passing: true }, { passing: '' }],
    ['all, passing or not', { passing: false }, {}],
    ['near ones', { near: { count: 2 } }, { near: '_agent' }],
    ['those near to a node', { near: { count: 2, node: 'n1' } }, { near: 'n1' }],
    ['any server', { consistency: 'stale' }, { stale: '' }],
    ['a leader that makes sure', { consistency: 'consistent' }, { consistent: '' }],
    ['the leader', { consistency: 'default' }, {}],
  ])('asks for %s', async (_, options, query) => {
    const question = await ask(options)
    expect([question.method, question.path, question.query]).toEqual(['GET', '/v1/health/service/web', query])
    expect(question.headers).not.toHaveProperty('x-consul-token')
  })

  it('has the token in a header, and not in the URL', async () => {
    const { headers, response } = await ask({ token: 's3cret' })
    expect(headers['x-consul-token']).toBe('s3cret')
    expect(response.req.url).not.toContain('s3cret')
  })

  it('has what the environment says', async () => {
    const env = { CONSUL_HTTP_ADDR: agent.url, CONSUL_HTTP_TOKEN: 'of-env', CONSUL_NAMESPACE: 'ns-of-env' }
    const { headers, query } = await ask({ env })
    expect([headers['x-consul-token'], query]).toEqual(['of-env', { ns: 'ns-of-env' }])
  })

  it.each(['a/b', 'a b?index=1#x', '%2e%2e', 'ä', '...'])('names the service %s and nothing else', async (service) => {
    const { response, query } = await ask({}, service)
    expect([response.req.url, query]).toEqual([`/v1/health/service/${encodeURIComponent(service)}`, {}])
  })

  it.each(['', '.', '..'])('is none for a service called %j, which would be another path', async (service) => {
    const discovery = discoveryOn(agent)
    await expect(discovery.getInstances(service)).rejects.toThrow('cannot be the name of a service')
    expect(agent.questions).toEqual([])
    await discovery.close()
  })

  it('is what the options said when the discovery was built', async () => {
    const tag = ['v1']
    const near = { count: 1, node: 'n1' }
    const discovery = discoveryOn(agent, { tag, near })
    tag.push('v2')
    near.node = 'n2'
    await discovery.getInstances('web')
    expect(agent.questions[0]?.query).toEqual({ filter: '"v1" in Service.Tags', near: 'n1' })
    await discovery.close()
  })
})
