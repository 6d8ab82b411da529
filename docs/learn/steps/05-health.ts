import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { first, second, stopBackends } from './backends.ts'

const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })

// #region health
first.script = ({ url }) => (url === '/health' ? { status: 503 } : { body: 'first' })

const lb = new LoadBalancer({ discovery, healthCheck: { intervalMs: 100 } })
const unhealthy = new Promise<void>((resolve) => {
  lb.subscribe((event) => {
    if (event.type === 'instance-health-changed' && event.status === 'unhealthy') resolve()
  })
})
await lb.ready('user-service')
await unhealthy

for (const { state, reason } of lb.inspect('user-service').instances) {
  console.log(state, '-', reason.replace(/[\d.]+:\d+/, '<address>'))
}
// #endregion health
await lb.close()
await stopBackends()
