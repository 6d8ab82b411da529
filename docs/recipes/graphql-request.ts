// #region recipe
import { createFetch } from '@lb/undici'
import { GraphQLClient } from 'graphql-request'
import { lb, twelveCalls } from './service.ts'

// A query is a POST, which lb repeats only if you say that it may.
const fetch = createFetch(lb, { idempotent: () => true })
const users = new GraphQLClient('http://user-service/graphql', { fetch })

const profile = () => users.request('query { name }')
// #endregion recipe
await twelveCalls(profile)
await fetch.close()
