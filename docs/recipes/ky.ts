// #region recipe
import { createFetch } from '@lb/undici'
import ky from 'ky'
import { lb, twelveCalls } from './service.ts'

const fetch = createFetch(lb)
const users = ky.create({ fetch, prefix: 'http://user-service', retry: 0 }) // lb retries, on another instance

const profile = () => users.get('v1/profile').json()
// #endregion recipe
await twelveCalls(profile)
await fetch.close()
