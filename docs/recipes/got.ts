// #region recipe
import got from 'got'
import { loadBalanced } from './got-handler.ts'
import { lb, twelveCalls } from './service.ts'

const users = got.extend({ prefixUrl: 'http://user-service', handlers: [loadBalanced(lb)] })

const profile = () => users.get('v1/profile').json<{ name: string }>()
// #endregion recipe
await twelveCalls(profile)
