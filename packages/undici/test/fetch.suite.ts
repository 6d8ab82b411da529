import { NoAvailableInstanceError } from '@lb/core'
import { Agent } from 'undici'
import { describe, expect, it, vi } from 'vitest'
import { createFetch } from '../src/index.ts'
import { Fixture } from './fixture.ts'

describe('fetch', () => {
  it('shows the URL that the caller wrote', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    const response = await fetch(new URL('http://user-service/path?x=1#top'))
    expect(response.url).toBe('http://user-service/path?x=1')
    await response.text()
  })

  it('balances each step of a redirect', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    for (const backend of fixture.backends) {
      backend.script = ({ url }) => (url === '/a' ? { status: 302, headers: { location: '/b' } } : {})
    }
    const response = await fetch('http://user-service/a')
    expect([response.url, response.redirected]).toEqual(['http://user-service/b', true])
    await response.text()
    expect(fixture.backends.map(({ requests }) => requests.length)).toEqual([1, 1])
    await fixture.allDone(2)
  })

  it('fails as the platform does, with the reason as the cause', async () => {
    await using fixture = await Fixture.start()
    await using fetch = createFetch(fixture.lb)
    const error = await fetch('http://nobody/').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).cause).toBeInstanceOf(NoAvailableInstanceError)
    await expect(fetch('not a URL')).rejects.toThrow(TypeError)
  })

  it('closes its own connections, and none of a dispatcher it was given', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    const { backend } = fixture
    const agent = new Agent()
    const fetch = createFetch(fixture.lb)
    const other = createFetch(fixture.lb, { dispatcher: agent })
    await (await fetch('http://user-service/')).text()
    await (await other('http://user-service/')).text()
    expect(backend.connections).toBe(2)
    await other.close()
    await fetch.close()
    await vi.waitFor(() => expect(backend.connections).toBe(1))
    await (await other('http://user-service/')).text()
    await agent.close()
  })

  it('works on with other origins when the load balancer is closed', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    await fixture.lb.close()
    expect((await fetch(fixture.backend.url)).status).toBe(200)
    await expect(fetch('http://user-service/')).rejects.toMatchObject({ cause: { code: 'LB_CLOSED' } })
  })

  it('uses the dispatcher of a single call', async () => {
    await using fixture = await Fixture.start({ backends: 1 })
    await using fetch = createFetch(fixture.lb)
    const seen: string[] = []
    const agent = new Agent().compose((dispatch) => (request, handler) => {
      seen.push(String(request.origin))
      return dispatch(request, handler)
    })
    await (await fetch('http://user-service/', { dispatcher: agent } as never)).text()
    expect(seen).toEqual([fixture.backend.url])
    await agent.close()
  })
})
