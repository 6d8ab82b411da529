// #region recipe
import { createFetch } from '@lb/undici'
import { createFetch as createOfetch } from 'ofetch'
import { lb, twelveCalls } from './service.ts'

const fetch = createFetch(lb)
const users = createOfetch({ fetch, defaults: { baseURL: 'http://user-service', retry: false } })

const profile = () => users('/v1/profile')
// #endregion recipe
await twelveCalls(profile)
await fetch.close()
