import { Readable } from 'node:stream'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import axios, { type AxiosInstance, type AxiosResponse } from 'axios'
import * as undici from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoadBalancedAdapterOptions, loadBalance } from '../src/index.ts'

const url = 'http://user-service/'
const multipart = { headers: { 'Content-Type': 'multipart/form-data' } }
const ways: Readonly<Record<string, LoadBalancedAdapterOptions>> = { axios: {}, 'axios over undici': { undici } }

let backend: LoopbackBackend
let lb: LoadBalancer

beforeEach(async () => {
  backend = await LoopbackBackend.start({ id: 'a' })
  const gone = await LoopbackBackend.start({ id: 'b' })
  await gone.stop()
  const discovery = new StaticDiscovery({ 'user-service': [gone.address, backend.address] })
  lb = new LoadBalancer({ discovery, outlierDetection: false, retry: { backoffBaseMs: 1 } })
})

afterEach(async () => {
  await lb.close()
  await backend.stop()
})

/** A form as axios makes it of an object, which is one of the package `form-data`. */
async function formOf(values: object): Promise<{ append(name: string, value: unknown): void }> {
  let form: unknown
  const adapter = async (config: { data?: unknown }): Promise<AxiosResponse> => {
    form = config.data
    return { status: 200, data: '', statusText: '', headers: {}, config: config as never }
  }
  await axios.postForm('http://nowhere/', values, { adapter })
  return form as never
}

describe.each(Object.entries(ways))('with %s, when an instance refuses connections,', (_way, options) => {
  let client: AxiosInstance

  beforeEach(() => {
    client = loadBalance(axios.create(), lb, options)
  })

  it.each<[string, () => Promise<AxiosResponse>]>([
    ['postForm', () => client.postForm(url, { a: 1, b: 'two' })],
    ['putForm', () => client.putForm(url, { a: 1, b: 'two' })],
    ['patchForm', () => client.patchForm(url, { a: 1, b: 'two' })],
    ['an object that is sent as multipart', () => client.post(url, { a: 1, b: Buffer.from('two') }, multipart)],
    ['a form', async () => client.post(url, await formOf({ a: 1, b: 'two' }))],
    ['a form of the platform', () => client.post(url, formOfThePlatform())],
  ])('%s moves on', async (_name, send) => {
    for (let number = 0; number < 4; number++) {
      const { data, config } = await send()
      const boundary = /^multipart\/form-data; ?boundary=(.+)$/.exec(data.headers['content-type'])?.[1] as string
      expect(data.body.split(`--${boundary}`)).toHaveLength(4)
      expect(data.body).toMatch(/name="a"\r\n(?:[^\r]+\r\n)?\r\n1\r\n/)
      expect(data.body).toMatch(/name="b"[\s\S]*\r\n\r\ntwo\r\n/)
      expect(data.headers['content-length']).toBe(String(Buffer.byteLength(data.body)))
      // The caller sees what it gave, or axios made of it.
      expect(Buffer.isBuffer(config.data)).toBe(false)
    }
    expect(backend.requests).toHaveLength(4)
  })

  it('a form with a stream is not sent again', async () => {
    const results: unknown[] = []
    for (let number = 0; number < 4; number++) {
      const form = await formOf({ a: 1 })
      form.append('b', Readable.from(['two']))
      results.push(
        await client.put(url, form).then(
          ({ data }) => /two/.test(data.body),
          (error) => error.code,
        ),
      )
    }
    expect(results.filter((result) => result === true)).toHaveLength(backend.requests.length)
    expect(results).toContain(true)
  })
})

function formOfThePlatform(): FormData {
  const form = new FormData()
  form.append('a', '1')
  form.append('b', 'two')
  return form
}
