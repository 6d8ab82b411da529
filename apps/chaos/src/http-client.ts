import { loadBalance } from '@lb/axios'
import type { LoadBalancer } from '@lb/core'
import axios from 'axios'
import type { Client } from './client.ts'

const url = 'http://user-service/v1/profile'

/** axios. */
export function httpClient(lb: LoadBalancer, timeoutMs: number): Client {
  const client = loadBalance(axios.create({ timeout: timeoutMs }), lb)
  return {
    send: async (method) => {
      const { data } = await client.request<{ servedBy?: string }>({ url, method })
      return data.servedBy
    },
    close: () => {},
  }
}
