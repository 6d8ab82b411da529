import { LoadBalancer, StaticDiscovery } from '@lb/core'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] }) })

// #region recipe
import { pino } from 'pino'

const log = pino({ name: 'lb' })
lb.subscribe((event) => log[event.level]({ event }, event.type))
// #endregion recipe
await lb.ready('user-service')
await lb.close()
