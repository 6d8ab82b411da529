// Consul with lb: registers instances with the agent of CONSUL_HTTP_ADDR (default http://127.0.0.1:8500), finds them again, and scales
// up and down. For an agent: `consul agent -dev`.
import { DiscoveryError } from '@lb/core'
import { demonstrate } from './demonstration.ts'

try {
  await demonstrate()
} catch (error) {
  if (!(error instanceof DiscoveryError)) throw error
  console.error(`${error.message}\n\nIs there an agent? Start one: consul agent -dev`)
  process.exitCode = 1
}
