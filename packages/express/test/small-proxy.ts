// A proxy to one instance in a process of its own: small-proxy.ts <host:port>. Tells its parent the port, and
// its peak memory when asked.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { proxy } from '../src/index.ts'

const [instance = ''] = process.argv.slice(2)
const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [instance] }) })
const server = createServer(proxy(lb, 'service'))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => process.send?.({ peakMb: process.resourceUsage().maxRSS / 1_024 }))
process.on('disconnect', () => process.exit())
