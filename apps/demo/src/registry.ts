import { poll, type ServiceDiscovery, type ServiceInstanceInit } from '@lb/core'
import type { BackendProcess } from './backend-process.ts'

const probeIntervalMs = 50
const probeTimeoutMs = 500

/**
 * Plays the registry: knows where the backends are, and asks each for its /health, as Consul or Kubernetes would. The
 * load balancer is told both.
 */
export class Registry implements ServiceDiscovery {
  readonly #backends: readonly BackendProcess[]

  constructor(backends: readonly BackendProcess[]) {
    this.#backends = backends
  }

  getInstances(): Promise<readonly ServiceInstanceInit[]> {
    return Promise.all(
      this.#backends.map(async ({ id, weight, port }) => {
        return { id, weight, host: '127.0.0.1', port, healthy: await isHealthy(port) }
      }),
    )
  }

  readonly watch: NonNullable<ServiceDiscovery['watch']> = poll(() => this.getInstances(), {
    intervalMs: probeIntervalMs,
  })
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(probeTimeoutMs)
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal, keepalive: false })
    await response.body?.cancel()
    return response.status === 200
  } catch {
    return false
  }
}
