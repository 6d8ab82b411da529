// DNS SRV records with lb. Without arguments: follows a zone that the program serves and changes itself, and ends. With the
// name of a service: follows that one in your DNS, `main.ts web --name '{service}.service.consul.' --server 127.0.0.1:8600`.
import { parseArgs } from 'node:util'
import { demonstrate } from './demonstration.ts'
import { follow } from './follow.ts'

const { values, positionals } = parseArgs({
  options: { name: { type: 'string' }, server: { type: 'string' } },
  allowPositionals: true,
})
const [service] = positionals
if (service === undefined) await demonstrate()
else follow({ service, name: values.name, server: values.server })
