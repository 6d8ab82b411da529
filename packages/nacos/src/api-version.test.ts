import { expect, it } from 'vitest'
import { lacksApi, otherApi } from './api-version.ts'

it('takes what servers without an API answer for that, and nothing else', () => {
  const lacking = [404, 405, 410, 501]
  for (let status = 200; status < 600; status++) {
    expect(lacksApi({ status, text: '' }), String(status)).toBe(lacking.includes(status))
  }
})

it('takes a page of the container for a switched off API, whatever is in it', () => {
  expect(lacksApi({ status: 410, text: '<html><p>{&quot;code&quot;:40000}</p></html>' })).toBe(true)
  expect(lacksApi({ status: 410, text: '{"code":40000}' })).toBe(true)
})

it('takes a 404 of the API itself for an answer', () => {
  expect(lacksApi({ status: 404, text: '{"code":20004,"message":"resource not found","data":null}' })).toBe(false)
  expect(lacksApi({ status: 404, text: '{"status":404,"error":"Not Found","path":"/nacos/v3/x"}' })).toBe(true)
})

it('knows two versions', () => {
  expect(otherApi('v3')).toBe('v1')
  expect(otherApi('v1')).toBe('v3')
})
