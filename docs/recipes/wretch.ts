// #region recipe
import { createFetch } from '@lb/undici'
import wretch from 'wretch'
import { lb, twelveCalls } from './service.ts'

const fetch = createFetch(lb)
const users = wretch('http://user-service').fetchPolyfill(fetch)

const profile = () => users.get('/v1/profile').json()
// #endregion recipe
await twelveCalls(profile)
await fetch.close()
