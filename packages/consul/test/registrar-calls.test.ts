import { DiscoveryError, InvalidInstanceError, LoadBalancerClosedError } from '@lb/core'
import { FakeClock } from '@lb/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsulRegistrar, type ConsulRegistrarOptions } from '../src/index.ts'
import { type Answer, LoopbackAgent, type Question } from './loopback-agent.ts'

const token = 's3cret-t0ken'

let agent: LoopbackAgent
let clock: FakeClock
let errors: unknown[]
let registrar: ConsulRegistrar
/** Answers other than yes, by the word in the path that they are for. */
let answers: Record<string, Answer | undefined>

const wordOf = ({ path }: Question): string => /register$|pass|deregister|maintenance/.exec(path)?.[0] ?? 'read'

const create = (options: ConsulRegistrarOptions = {}): ConsulRegistrar =>
  new ConsulRegistrar({
    address: agent.url,
    env: {},
    token,
    clock,
    random: () => 0,
    onError: (error) => errors.push(error),
    ...options,
  })

beforeEach(async () => {
  agent = await LoopbackAgent.start()
  clock = new FakeClock()
  errors = []
  answers = {}
  agent.onQuestion = (question) => {
    const word = question.path.includes('/deregister/') ? 'deregister' : wordOf(question)
    return word in answers ? answers[word] : { body: '' }
  }
  registrar = create()
})

afterEach(async () => {
  answers = {}
  await registrar.close()
  expect(clock.pendingTimers).toBe(0)
  await vi.waitFor(() => expect(agent.openConnections).toBe(0))
  await agent.close()
})

const calls = (): string[] =>
  agent.questions.map((question) =>
    question.path.includes('/deregister/') ? 'deregister' : `${wordOf(question)}${question.query.enable ?? ''}`,
  )
const called = (...expected: string[]): Promise<void> => vi.waitFor(() => expect(calls()).toEqual(expected))

describe('a registration', () => {
  it('is renewed after a third of its time to live, and taken back once', async () => {
    const registration = await registrar.register('web', '10.0.0.1:80')
    await clock.advance(4_999)
    await called('register')
    await clock.advance(1)
    await called('register', 'pass')
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    expect(clock.pendingForegroundTimers).toBe(0)
    await registration.deregister()
    await registration.deregister()
    await called('register', 'pass', 'deregister')
    expect(agent.questions.map(({ path }) => path)).toEqual([
      '/v1/agent/service/register',
      '/v1/agent/check/pass/service%3Aweb%3A10.0.0.1%3A80',
      '/v1/agent/service/deregister/web%3A10.0.0.1%3A80',
    ])
    for (const { headers, response } of agent.questions) {
      expect(headers['x-consul-token']).toBe(token)
      expect(response.req.url).not.toContain(token)
    }
  })

  it.each<[string, Answer]>([
    ['newer versions', { status: 404, body: 'Unknown check ID "service:web". Ensure that …' }],
    ['older versions', { status: 500, body: 'CheckID "service:web" does not have associated TTL' }],
  ])('is made again at once when the agent lost it, as %s say', async (_, answer) => {
    await registrar.register('web', '10.0.0.1:80')
    answers.pass = answer
    await clock.advance(5_000)
    await called('register', 'pass', 'register')
    const [first, , second] = agent.questions
    expect([first?.query, second?.query]).toEqual([{ 'replace-existing-checks': 'true' }, {}])
    expect(second?.body).toBe(first?.body)
    expect(errors).toEqual([])
  })

  it('with an HTTP check is looked for as often as the agent asks, and made again when it is gone', async () => {
    await registrar.close()
    registrar = create({ check: { http: '/health', intervalMs: 2_000 } })
    await registrar.register('web', '10.0.0.1:80')
    await clock.advance(2_000)
    await called('register', 'read')
    answers.read = { status: 404, body: 'unknown service ID' }
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    await clock.advance(2_000)
    await called('register', 'read', 'read', 'register')
    answers.read = { status: 500, body: 'broken' }
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    await clock.advance(2_000)
    await vi.waitFor(() => expect(String(errors)).toContain('answered 500'))
  })

  it('that is refused while it is renewed is told, without the token, and tried again', async () => {
    await registrar.register('web', '10.0.0.1:80')
    answers.pass = { status: 403, body: `Permission denied for ${token}` }
    await clock.advance(5_000)
    await vi.waitFor(() => expect(errors).toHaveLength(1))
    expect(errors[0]).toBeInstanceOf(DiscoveryError)
    expect(String(errors[0])).toContain('answered 403')
    expect(String(errors[0])).not.toContain(token)
    delete answers.pass
    await clock.advance(1_000)
    await called('register', 'pass', 'pass')
  })

  it('is made anew with another token, also for the last word', async () => {
    await registrar.close()
    agent.questions.length = 0
    let current = 'first'
    registrar = create({ token: () => current })
    const registration = await registrar.register('web', '10.0.0.1:80')
    current = 'second'
    await clock.advance(5_000)
    await called('register', 'register')
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    current = 'third'
    await registration.deregister()
    await called('register', 'register', 'register', 'deregister')
    expect(agent.questions.map(({ headers }) => headers['x-consul-token'])).toEqual([
      'first',
      'second',
      'third',
      'third',
    ])
  })

  it('that fails at first is no registration, and can be made again', async () => {
    answers.register = { status: 400, body: 'Invalid Service Meta' }
    await expect(registrar.register('web', '10.0.0.1:80')).rejects.toMatchObject({
      code: 'LB_DISCOVERY',
      service: 'web',
      message: expect.stringContaining('web: 10.0.0.1:80 could not be registered: '),
    })
    expect(clock.pendingTimers).toBe(0)
    delete answers.register
    await registrar.register('web', '10.0.0.1:80')
    await called('register', 'register')
  })

  it('is made once for an id of a service', async () => {
    const first = registrar.register('web', '10.0.0.1:80')
    await expect(registrar.register('web', '10.0.0.1:80')).rejects.toBeInstanceOf(InvalidInstanceError)
    await registrar.register('other', '10.0.0.1:80')
    await (await first).deregister()
    await registrar.register('web', '10.0.0.1:80')
    await called('register', 'register', 'deregister', 'register')
  })

  it.each(['', '..'])('is none for a service called %j', async (service) => {
    await expect(registrar.register(service, '10.0.0.1:80')).rejects.toThrow('cannot be the name of a service')
  })
})

describe('maintenance', () => {
  it('is told in the order of the wishes, and the last one holds', async () => {
    const registration = await registrar.register('web', '10.0.0.1:80')
    agent.onQuestion = () => undefined
    const wishes = [registration.maintenance(true), registration.maintenance(false)]
    await vi.waitFor(() => expect(agent.questions).toHaveLength(2))
    agent.onQuestion = () => ({ body: '' })
    agent.answer({ body: '' })
    await Promise.all(wishes)
    const last = agent.questions.at(-1)
    expect(last?.query).toEqual({ enable: 'false' })
    await clock.advance(5_000)
    await vi.waitFor(() => expect(calls().at(-1)).toBe('pass'))
  })
})

describe('close', () => {
  it('takes everything back, and tells what could not be', async () => {
    await registrar.register('web', '10.0.0.1:80')
    await registrar.register('web', '10.0.0.2:80')
    answers.deregister = { status: 500, body: 'broken' }
    await registrar.close()
    await registrar.close()
    await called('register', 'register', 'deregister', 'deregister')
    expect(errors.map(String)).toEqual([
      expect.stringContaining('10.0.0.1:80 could not be deregistered'),
      expect.stringContaining('10.0.0.2:80 could not be deregistered'),
    ])
  })

  it('takes back what the agent has lost meanwhile without a word', async () => {
    const registration = await registrar.register('web', '10.0.0.1:80')
    answers.deregister = { status: 404, body: 'Unknown service ID' }
    await registration.deregister()
    expect(errors).toEqual([])
  })

  it('waits for a registration under way, and takes it back', async () => {
    agent.onQuestion = () => undefined
    const registered = registrar.register('web', '10.0.0.1:80')
    const rejected = expect(registered).rejects.toBeInstanceOf(LoadBalancerClosedError)
    await vi.waitFor(() => expect(agent.questions).toHaveLength(1))
    const closed = registrar.close()
    agent.onQuestion = () => ({ body: '' })
    agent.answer({ body: '' })
    await closed
    await rejected
    await called('register', 'deregister')
  })

  it('is the end', async () => {
    await registrar.close()
    await expect(registrar.register('web', '10.0.0.1:80')).rejects.toBeInstanceOf(LoadBalancerClosedError)
    expect(agent.questions).toEqual([])
  })
})
