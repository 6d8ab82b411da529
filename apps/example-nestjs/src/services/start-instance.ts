import { type INestApplication, Module, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { INSTANCE, Instance } from './instance.ts'

@Module({})
class ServiceModule {}

/** A running instance of a service. */
export interface RunningInstance {
  readonly app: INestApplication
  readonly instance: Instance
  readonly port: number
  /** `host:port`, as discoveries write it. */
  readonly address: string
}

/** Starts the Nest application of one instance, on a free port of this machine. */
export async function startInstance(id: string, controller: Type): Promise<RunningInstance> {
  const instance = new Instance(id)
  const app = await NestFactory.create(
    { module: ServiceModule, controllers: [controller], providers: [{ provide: INSTANCE, useValue: instance }] },
    { logger: false, forceCloseConnections: true },
  )
  await app.listen(0, '127.0.0.1')
  const { port, host } = new URL(await app.getUrl())
  return { app, instance, port: Number(port), address: host }
}
