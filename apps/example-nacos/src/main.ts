// Nacos with lb. Without arguments: starts a fake server, registers instances there, kills it, and shows how calls follow. With the name of
// a service: follows that one in your Nacos, `main.ts web --server http://127.0.0.1:8848 --group DEFAULT_GROUP`.
import { parseArgs } from 'node:util'
import { demonstrate } from './demonstration.ts'
import { follow } from './follow.ts'

const { values, positionals } = parseArgs({
  options: {
    server: { type: 'string' },
    namespace: { type: 'string' },
    group: { type: 'string' },
    username: { type: 'string' },
  },
  allowPositionals: true,
})
const [service] = positionals
if (service === undefined) await demonstrate()
// The password comes from the environment: arguments are seen by everybody on the machine.
else follow({ service, ...values, password: process.env.NACOS_PASSWORD })
