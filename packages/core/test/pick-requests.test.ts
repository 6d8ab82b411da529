import { describe, expect, it } from 'vitest'
import { InvalidOptionError, LoadBalancer, type PickRequest, StaticDiscovery } from '../src/index.ts'

const success = { ok: true, latencyMs: 1 }

/** Every way to an instance. */
const ways: Record<string, (lb: LoadBalancer, request: PickRequest) => Promise<string>> = {
  pick: async (lb, request) => lb.pick('users', request).id,
  tryAcquire: async (lb, request) => {
    const picked = lb.tryAcquire('users', request)
    picked?.done(success)
    return picked?.instance.id ?? ''
  },
  acquire: async (lb, request) => {
    const { instance, done } = await lb.acquire('users', request)
    done(success)
    return instance.id
  },
  'startCall, tryAcquire': async (lb, request) => {
    const call = lb.startCall('users')
    try {
      const picked = call.tryAcquire(request)
      picked?.done(success)
      return picked?.instance.id ?? ''
    } finally {
      call.end(success)
    }
  },
  'startCall, acquire': async (lb, request) => {
    const call = lb.startCall('users')
    try {
      const { instance, done } = await call.acquire(request)
      done(success)
      return instance.id
    } finally {
      call.end(success)
    }
  },
  execute: async (lb, request) => lb.execute('users', async ({ id }) => id, request),
}

async function balanced(): Promise<LoadBalancer> {
  const instances = [1, 2, 3].map((number) => ({
    host: `10.0.0.${number}`,
    port: 80,
    metadata: { version: `${number}` },
  }))
  const services = { users: { balancer: 'ring-hash', routing: { keys: ['version'], fallback: 'none' } } } as const
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: instances }), services })
  await lb.ready('users')
  return lb
}

describe.each(Object.entries(ways))('%s', (_, pick) => {
  // A key that is no string would send every request to one instance.
  it.each([
    [{ hashKey: 7 }, 'hashKey must be a string, got 7 (number)'],
    [{ hashKey: null }, 'hashKey must be a string, got null (object)'],
    [{ hashKey: Promise.resolve('a') }, 'hashKey must be a string'],
    [{ avoid: ['10.0.0.1:80'] }, 'avoid must be a Set of ids'],
    [{ avoid: '10.0.0.1:80' }, 'avoid must be a Set of ids, got "10.0.0.1:80" (string)'],
    [{ match: 'v2' }, 'match must be an object of strings, got "v2" (string)'],
    [{ match: { version: 2 } }, 'match.version must be a string, or absent, got 2 (number)'],
    [{ hashkey: 'a' }, 'hashkey is not a known option. Did you mean hashKey?'],
    [null, 'must be an object, got null'],
  ])('refuses %j', async (request, message) => {
    const lb = await balanced()
    const picking = pick(lb, request as PickRequest)
    await expect(picking).rejects.toBeInstanceOf(InvalidOptionError)
    await expect(picking).rejects.toThrow(message)
    expect(lb.inspect('users').instances.every(({ inFlight }) => inFlight === 0)).toBe(true)
    await lb.close()
  })

  it.each<[PickRequest]>([
    [{}],
    [{ hashKey: undefined, avoid: undefined, match: undefined }],
    [{ hashKey: 'a' }],
    [{ hashKey: '', avoid: new Set(['10.0.0.1:80']) }],
    [{ match: { version: '2' } }],
    [{ match: { version: undefined } }],
    [JSON.parse('{"match":{"version":null}}')],
  ])('takes %j', async (request) => {
    const lb = await balanced()
    expect(await pick(lb, request)).toMatch(/^10\.0\.0\.\d:80$/)
    await lb.close()
  })
})

it.each([null, 7, 'x', {}])('ready refuses the signal %j', async (signal) => {
  const lb = await balanced()
  const ready = lb.ready('users', { signal: signal as AbortSignal })
  await expect(ready).rejects.toThrow('options.signal must be an AbortSignal, got')
  await lb.close()
})
