import { lb, twelveCalls } from './service.ts'

interface paths {
  '/v1/profile': { get: { responses: { 200: { content: { 'application/json': { name: string } } } } } }
}

// #region recipe
import { createFetch } from '@lb/undici'
import createClient from 'openapi-fetch'

const fetch = createFetch(lb)
const users = createClient<paths>({ baseUrl: 'http://user-service', fetch })

const profile = () => users.GET('/v1/profile')
// #endregion recipe
await twelveCalls(profile)
await fetch.close()
