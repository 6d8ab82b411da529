// #region discovery
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LoadBalancer } from '@lb/core'
import { FileDiscovery } from '@lb/files'

const directory = await mkdtemp(join(tmpdir(), 'services-'))
const services = join(directory, 'user-service.yaml')
await writeFile(services, '- targets: [10.0.1.12:8080, 10.0.1.13:8080]\n')

const lb = new LoadBalancer({ discovery: new FileDiscovery({ directory }) })
await lb.ready('user-service')
console.log(lb.inspect('user-service').instances.length, 'instances')

await writeFile(services, '- targets: [10.0.1.12:8080, 10.0.1.13:8080, 10.0.1.14:8080]\n')
await lb.refresh('user-service') // now, instead of at its next look a second later
console.log(lb.inspect('user-service').instances.length, 'instances')
// #endregion discovery
await lb.close()
await rm(directory, { recursive: true })
