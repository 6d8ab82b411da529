import { expect, it } from 'vitest'
import { get, type HttpClientFixture } from './fixture.ts'

/** A request reaches an instance of its service, as the caller wrote it. */
export function describeDelivery(client: HttpClientFixture): void {
  it('sends a request to an instance of the service named by the host', async () => {
    const response = await client.send({ url: 'http://user-service/v1/profile?x=1&y=%20' })
    expect(response.status).toBe(200)
    expect(JSON.parse(response.body)).toMatchObject({ method: 'GET', url: '/v1/profile?x=1&y=%20' })
    await client.expectAllDone(1)
  })

  it('takes the instances in turn', async () => {
    await client.expectStatus(200, get, 9)
    expect(client.backends.map((backend) => backend.requests.length)).toEqual([3, 3, 3])
  })

  it('keeps the query and escapes of the path', async () => {
    const response = await client.send({ url: 'http://user-service/a%2Fb/c?d=e%2Ff&g' })
    expect(JSON.parse(response.body).url).toBe('/a%2Fb/c?d=e%2Ff&g')
  })

  it('sends method, headers and body on', async () => {
    const headers = { 'content-type': 'text/plain', 'x-trace': '7' }
    const response = await client.send({ url: 'http://user-service/', method: 'POST', headers, body: 'hello' })
    expect(JSON.parse(response.body)).toMatchObject({ method: 'POST', body: 'hello', headers: { 'x-trace': '7' } })
  })

  it('leaves a URL alone whose host is an address', async () => {
    const response = await client.send({ url: `${client.backends[0].url}/direct` })
    expect(JSON.parse(response.body)).toMatchObject({ id: 'a', url: '/direct' })
    expect(client.finished).toEqual([])
  })
}
