import { describeHttpClient } from '@lb/testing'
import axios from 'axios'
import { loadBalance } from './index.ts'

describeHttpClient('axios', {
  create: (lb) => {
    const client = loadBalance(axios.create({ validateStatus: () => true, responseType: 'text' }), lb)
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
})
