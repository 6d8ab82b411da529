// etcd with lb: registers instances with the members of ETCD_ENDPOINTS (default http://127.0.0.1:2379), finds them again, and scales up
// and down. For a member: `etcd`. ETCD_USER is `name:password`, where authentication is on.
import { DiscoveryError } from '@lb/core'
import { demonstrate } from './demonstration.ts'

try {
  await demonstrate()
} catch (error) {
  if (!(error instanceof DiscoveryError)) throw error
  console.error(`${error.message}\n\nIs there an etcd? Start one: etcd`)
  process.exitCode = 1
}
