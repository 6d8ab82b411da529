// In a pod: with the service account of manifests/shop.yaml. Elsewhere: KUBECONFIG=~/.kube/config node src/main.ts
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { InvalidOptionError, LoadBalancer } from '@lb/core'
import { KubernetesDiscovery } from '@lb/kubernetes'
import { createFetch } from '@lb/undici'
import { shopServer } from './shop.ts'

const { KUBECONFIG: kubeconfig, NODE_NAME: node, PORT = '8080' } = process.env

function orders(): KubernetesDiscovery {
  try {
    return new KubernetesDiscovery({
      port: 'http',
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(node === undefined ? {} : { node }),
    })
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error
    console.error(
      `${error.message}\n\nIs there a cluster? Start one, kind create cluster, and set KUBECONFIG=~/.kube/config`,
    )
    process.exit(1)
  }
}

const discovery = orders()
const lb = new LoadBalancer({ discovery, services: { orders: {} } })
lb.subscribe((event) => {
  if (event.type === 'discovery-failed') console.error(event.error.message)
  if (event.type === 'instances-changed') console.log(`${event.service}: ${event.total} instances`)
})

const fetch = createFetch(lb)
const server = shopServer(lb, fetch)
server.listen(Number(PORT))
await once(server, 'listening')
console.log(`the shop listens on port ${(server.address() as AddressInfo).port}`)

process.once('SIGTERM', () => server.close())
await once(server, 'close')
await fetch.close()
await lb.close()
