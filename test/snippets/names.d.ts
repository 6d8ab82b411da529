// What snippets use without a declaration, because every reader knows it from the first example.
import type { LoadBalancer, ServiceDiscovery } from '@lb/core'

declare global {
  const lb: LoadBalancer
  const discovery: ServiceDiscovery
  const consul: ServiceDiscovery
  const dns: ServiceDiscovery
  const logger: Record<'debug' | 'info' | 'warn' | 'error', (...values: unknown[]) => void>
}
