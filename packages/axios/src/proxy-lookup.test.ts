import { Agent } from 'node:http'
import { AxiosHeaders, type InternalAxiosRequestConfig } from 'axios'
import { expect, it } from 'vitest'
import { falseMakesFunction, spareProxyLookup } from './proxy-lookup.ts'

function spared(httpAgent: Agent, direct: boolean): InternalAxiosRequestConfig {
  const request: InternalAxiosRequestConfig = { headers: new AxiosHeaders(), httpAgent, httpsAgent: undefined }
  spareProxyLookup(request, direct)
  return request
}

const optionsOf = ({ httpAgent }: InternalAxiosRequestConfig): object => httpAgent.options

it('spares the lookup by proxy: false until axios makes a function of it, and by agents after that', () => {
  const agent = new Agent({ keepAlive: true })
  expect(spared(agent, true)).toMatchObject({ proxy: false, httpAgent: agent })
  falseMakesFunction()
  const direct = spared(agent, true)
  expect(direct.proxy).toBeUndefined()
  expect(optionsOf(direct)).toMatchObject({ keepAlive: true, proxyEnv: {} })
  expect(direct.httpAgent).toBeInstanceOf(Agent)
  expect(spared(agent, true).httpAgent).toBe(direct.httpAgent)
  // The agent itself is the caller's.
  expect(agent).not.toHaveProperty('options.proxyEnv')
  expect(spared(agent, false)).toMatchObject({ proxy: false, httpAgent: agent })
})

it('leaves agents alone that have an environment', () => {
  const agent = new Agent()
  Object.assign(Object(agent).options, { proxyEnv: { http_proxy: 'http://127.0.0.1:1' } })
  const request = spared(agent, true)
  expect(request).not.toHaveProperty('proxy')
  expect(request.httpAgent).toBe(agent)
})
