import 'reflect-metadata'
import type { INestApplication, LoggerService, Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import axios, { type AxiosInstance } from 'axios'
import { onTestFinished } from 'vitest'
import type { GatewayConfiguration } from '../src/gateway/configuration.ts'
import { GatewayModule } from '../src/gateway/gateway.module.ts'
import { OrdersController } from '../src/services/orders.controller.ts'
import { type RunningInstance, startInstance } from '../src/services/start-instance.ts'
import { UsersController } from '../src/services/users.controller.ts'

/** What was logged about the load balancer: `warn user-service: …`. */
class LoadBalancerLines implements LoggerService {
  readonly lines: string[] = []
  readonly #write =
    (level: string) =>
    (message: unknown, context?: unknown): void => {
      if (String(context).startsWith('LoadBalancer')) this.lines.push(`${level} ${String(message)}`)
    }
  readonly log = this.#write('log')
  readonly warn = this.#write('warn')
  readonly error = this.#write('error')
  readonly debug = this.#write('debug')
}

export interface RunningGateway {
  readonly app: INestApplication
  readonly client: AxiosInstance
  readonly logged: string[]
}

export async function startGateway(configuration: GatewayConfiguration): Promise<RunningGateway> {
  const logger = new LoadBalancerLines()
  const app = await NestFactory.create(GatewayModule.with(configuration), { logger, abortOnError: false })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  const client = axios.create({ baseURL: await app.getUrl(), validateStatus: null })
  return { app, client, logged: logger.lines }
}

/** Two instances of each service, stopped when the test ends. */
export async function startServices(): Promise<{ users: RunningInstance[]; orders: RunningInstance[] }> {
  const start = async (id: string, controller: Type): Promise<RunningInstance> => {
    const instance = await startInstance(id, controller)
    onTestFinished(() => instance.app.close())
    return instance
  }
  return {
    users: [await start('users-1', UsersController), await start('users-2', UsersController)],
    orders: [await start('orders-1', OrdersController), await start('orders-2', OrdersController)],
  }
}

/** Who served `times` calls, in alphabetical order. */
export async function servedBy({ client }: RunningGateway, times: number): Promise<string[]> {
  const ids: string[] = []
  for (let request = 0; request < times; request++) {
    const { data } = await client.get('/users/7')
    ids.push(`${data.user.servedBy} ${data.orders.servedBy}`)
  }
  return ids.flatMap((pair) => pair.split(' ')).sort()
}
