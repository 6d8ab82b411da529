// The gateway alone, for services that run elsewhere: configured by the environment, ended by SIGTERM or Ctrl-C.
import 'reflect-metadata'
import { LoadBalancer } from '@lb/core'
import { dashboard } from '@lb/dashboard'
import { NestFactory } from '@nestjs/core'
import { configurationOf } from './gateway/configuration.ts'
import { GatewayModule } from './gateway/gateway.module.ts'

const app = await NestFactory.create(GatewayModule.with(configurationOf(process.env)))
app.enableShutdownHooks()
app.use('/lb', dashboard(app.get(LoadBalancer, { strict: false }), { title: 'example-nestjs' }).handle)
await app.listen(process.env.PORT ?? 3_000, process.env.HOST ?? '127.0.0.1')
console.log(`The gateway listens on ${await app.getUrl()} and has its dashboard at ${await app.getUrl()}/lb/`)
