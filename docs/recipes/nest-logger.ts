import { LoadBalancer, StaticDiscovery } from '@lb/core'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })

// #region recipe
import { Logger } from '@nestjs/common'

const log = new Logger('lb')
const methods = { debug: 'debug', info: 'log', warn: 'warn', error: 'error' } as const
lb.subscribe((event) => log[methods[event.level]](JSON.stringify(event)))
// #endregion recipe
await lb.ready('user-service')
await lb.close()
