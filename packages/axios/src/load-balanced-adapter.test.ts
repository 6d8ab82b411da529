import type { Criticality } from '@lb/core'
import { describeHttpClient } from '@lb/testing/suites'
import axios from 'axios'
import * as undici from 'undici'
import { type LoadBalancedAdapterOptions, loadBalance } from './index.ts'

const ways: Readonly<Record<string, LoadBalancedAdapterOptions>> = { axios: {}, 'axios over undici': { undici } }

const match: LoadBalancedAdapterOptions['match'] = ({ headers }) => ({ version: headers.get('x-version')?.toString() })

const criticality: LoadBalancedAdapterOptions['criticality'] = ({ headers }) => headers.get('x-class') as Criticality

for (const [name, options] of Object.entries(ways)) {
  describeHttpClient(
    name,
    {
      create: (lb, { criticalityHeader } = {}) => {
        const client = loadBalance(axios.create({ validateStatus: () => true, responseType: 'text' }), lb, {
          ...options,
          match,
          criticality,
          criticalityHeader,
        })
        return async ({ body, timeoutMs = 0, signal, ...request }) => {
          const response = await client.request({
            ...request,
            timeout: timeoutMs,
            ...(body === undefined ? undefined : { data: body }),
            ...(signal === undefined ? undefined : { signal }),
          })
          return { status: response.status, body: response.data }
        }
      },
    },
    { match: true, criticality: true, redirects: true },
  )
}
