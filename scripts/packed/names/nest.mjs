// What the Nest module says of names.
import 'reflect-metadata'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { getServiceClientToken, LoadBalancerHealthIndicator, LoadBalancerModule } from '@lb/nestjs'
import { NestFactory } from '@nestjs/core'
import { failure, print } from './said.mjs'

const start = (...imports) =>
  NestFactory.createApplicationContext({ module: class {}, imports }, { logger: false, abortOnError: false })
const nest = await start(
  LoadBalancerModule.forRoot({ discovery: new StaticDiscovery({ users: ['127.0.0.1:1'] }), retry: false }),
  LoadBalancerModule.forFeature('users'),
)
print({
  client: await failure(() => nest.get(getServiceClientToken('users')).get('/')),
  health: nest.get(LoadBalancerHealthIndicator).check('services'),
  inspect: nest.get(LoadBalancer).inspect('users'),
  options: await failure(() => start(LoadBalancerModule.forRootAsync({ useFactory: () => ({ discovery: {} }) }))),
  call: await failure(() => LoadBalancerModule.forRoot()),
})
await nest.close()
