import { afterEach, describe, expect, it, vi } from 'vitest'
import type { ProxyError } from '../src/index.ts'
import {
  closeAll,
  exchangeBytes,
  expectProblem,
  frameworks,
  nobody,
  startEcho,
  startGateway,
  startInstance,
  statuses,
} from './support.ts'

afterEach(closeAll)

describe('hooks', () => {
  it('onRequest changes what is sent', async () => {
    const { address, seen } = await startEcho()
    const { url } = await startGateway([address], {
      proxy: {
        onRequest: (outgoing, request) => {
          outgoing.path += '?added'
          outgoing.headers.set('Authorization', `for ${request.url}`).delete('user-agent').append('x-a', '1')
        },
      },
    })
    await fetch(`${url}/a`, { headers: { authorization: 'secret' } })
    expect(seen[0]).toMatchObject({ url: '/a?added', headers: { authorization: 'for /a', 'x-a': '1' } })
    expect(seen[0]?.headers['user-agent']).toBeUndefined()
  })

  it('onRequest refuses with a status', async () => {
    const { address, seen } = await startEcho()
    const refuse = (): never => {
      throw Object.assign(new Error('not for you'), { statusCode: 403 })
    }
    const { url } = await startGateway([address], { proxy: { onRequest: refuse } })
    const response = await fetch(url)
    expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([403, 'not for you'])
    expect(seen).toEqual([])
  })

  it.each(['rewritePath', 'idempotent', 'hashKey', 'match', 'criticality'])(
    '%s that is async is refused: its value would come too late, and its rejection would end the process',
    async (name) => {
      const { address, seen } = await startEcho()
      const errors: ProxyError[] = []
      const onError = (error: ProxyError): unknown => errors.push(error)
      const { url } = await startGateway([address], {
        lb: { balancer: 'ring-hash' },
        proxy: { onError, [name]: () => Promise.reject(new Error('late')) },
      })
      expect((await fetch(url)).status).toBe(500)
      expect(String(errors[0]?.cause)).toMatch(/must not be async|a promise/)
      expect(seen).toEqual([])
    },
  )

  it('onRequest, onResponse and onError that are async are not waited for, and may reject', async () => {
    const { address } = await startEcho()
    const late = (): unknown => Promise.reject(new Error('late'))
    const { url } = await startGateway([address], { proxy: { onRequest: late, onResponse: late } })
    expect((await fetch(url)).status).toBe(200)
    const refuse = (): never => {
      throw new Error('a mistake')
    }
    const refusing = await startGateway([address], { proxy: { onRequest: refuse, onError: late } })
    expect((await fetch(refusing.url)).status).toBe(500)
  })

  it('onResponse changes what is passed on', async () => {
    const { address } = await startEcho()
    const { url } = await startGateway([address], {
      proxy: {
        onResponse: ({ headers, instance, statusCode }) =>
          headers.set('x-by', `${instance.id} ${statusCode}`).delete('content-type'),
      },
    })
    const response = await fetch(url)
    expect([response.headers.get('x-by'), response.headers.get('content-type')]).toEqual([`${address} 200`, null])
  })

  it('a header that would split the answer is never written', async () => {
    const { address } = await startEcho()
    for (const proxy of [
      {
        onResponse: ({ headers }: { headers: { set(name: string, value: string): unknown } }) =>
          void headers.set('x', 'a\r\nb: c'),
      },
      {
        onRequest: ({ headers }: { headers: { set(name: string, value: string): unknown } }) =>
          void headers.set('x', 'a\r\nb: c'),
      },
    ]) {
      const { port, lb } = await startGateway([address], { proxy })
      const received = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      expect(statuses(received)).toEqual([502])
      expect(received).not.toContain('b: c')
      expect(lb.inspect('service').instances[0]?.state).toBe('available')
    }
  })

  it.each(frameworks.flatMap((framework) => [[framework, 'no'] as const, [framework, 'a'] as const]))(
    '%s: nothing of an answer that cannot be passed on is left beside the problem, after %s field of a middleware',
    async (framework, field) => {
      const instance = await startInstance((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', etag: '"x"' }).end('zipped')
      })
      const { url } = await startGateway([instance], {
        framework,
        before: (_request, response, next) => {
          if (field === 'a') response.setHeader('x-own', 'gateway')
          next()
        },
        proxy: { onResponse: ({ headers }) => void headers.append('x', 'a\r\nb: c') },
      })
      const response = await fetch(url)
      const { headers } = response
      expect([headers.get('content-encoding'), headers.get('etag')]).toEqual([null, null])
      expect(headers.get('x-own')).toBe(field === 'a' ? 'gateway' : null)
      await expectProblem(response, 502)
    },
  )

  it('onError is told once, with the cause, and may answer', async () => {
    const told: ProxyError[] = []
    const { url } = await startGateway([await nobody()], {
      proxy: {
        onError: (error, _request, response) => {
          told.push(error)
          response.writeHead(200).end('sorry')
        },
      },
    })
    expect(await (await fetch(url)).text()).toBe('sorry')
    expect(told).toHaveLength(1)
    expect(told[0]?.cause).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('a handler of errors that throws is answered for', async () => {
    for (const framework of frameworks) {
      const { url } = await startGateway([await nobody()], {
        framework,
        proxy: { errors: 'next' },
        onNext: () => {
          throw new Error('a mistake')
        },
      })
      expect((await fetch(url)).status).toBe(500)
    }
  })

  it('onError is not told of a client that goes away in the middle of its request', async () => {
    let told = 0
    const { address, seen } = await startEcho()
    for (const bufferLimit of [0, 100]) {
      const { port, lb } = await startGateway([address], { proxy: { bufferLimit, onError: () => told++ } })
      await exchangeBytes(port, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello', 50)
      await vi.waitFor(() => expect(lb.inspect('service').inFlight).toBe(0))
    }
    expect([told, seen.length]).toEqual([0, 0])
  })
})
