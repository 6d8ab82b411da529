// #region recipe
import got, { type OptionsOfJSONResponseBody } from 'got'
import { lb, twelveCalls } from './service.ts'

const users = <T>(path: string, options: OptionsOfJSONResponseBody = {}) =>
  lb.execute(
    'user-service',
    ({ host, port }, { signal }) =>
      got<T>(path, {
        ...options,
        prefixUrl: `http://${host}:${port}`,
        responseType: 'json',
        retry: { limit: 0 },
        signal,
      }),
    { idempotent: (options.method ?? 'GET') === 'GET' },
  )

const profile = () => users<{ name: string }>('v1/profile')
// #endregion recipe
await twelveCalls(profile)
