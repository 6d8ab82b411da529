// DNS with lb. Without arguments: follows SRV records in a zone that the program serves and changes itself, and ends. With the
// name of a service: follows that one in your DNS, `main.ts web --name '{service}.service.consul.' --server 127.0.0.1:8600`,
// by SRV records, or with `--by` by `addresses` or `dns-sd`.
import { parseArgs } from 'node:util'
import { demonstrate } from './demonstration.ts'
import { follow } from './follow.ts'

const { values, positionals } = parseArgs({
  options: {
    by: { type: 'string', default: 'srv' },
    name: { type: 'string' },
    server: { type: 'string' },
    port: { type: 'string', default: '80' },
  },
  allowPositionals: true,
})
const [service] = positionals
if (service === undefined) await demonstrate()
else follow({ service, by: values.by, name: values.name, server: values.server, port: Number(values.port) })
