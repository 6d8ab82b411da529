// #region recipe
import superagent from 'superagent'
import { lb, twelveCalls } from './service.ts'

const profile = () =>
  lb.execute(
    'user-service',
    ({ host, port }) => superagent.get(`http://${host}:${port}/v1/profile`).then(({ body }) => body),
    {
      idempotent: true,
    },
  )
// #endregion recipe
await twelveCalls(profile)
