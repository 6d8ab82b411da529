// The gateway in front of two services with two instances each, all in this process. Runs with no outside service.
import 'reflect-metadata'
import { setTimeout as delay } from 'node:timers/promises'
import { LoadBalancer } from '@lb/core'
import { ConsoleLogger } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import axios from 'axios'
import { configurationOf } from './gateway/configuration.ts'
import { GatewayModule } from './gateway/gateway.module.ts'
import { OrdersController } from './services/orders.controller.ts'
import { startInstance } from './services/start-instance.ts'
import { UsersController } from './services/users.controller.ts'

const users = [await startInstance('users-1', UsersController), await startInstance('users-2', UsersController)]
const orders = [await startInstance('orders-1', OrdersController), await startInstance('orders-2', OrdersController)]

// In production the environment says where they are.
const configuration = configurationOf({
  USER_SERVICE: users.map(({ address }) => address).join(','),
  ORDER_SERVICE: orders.map(({ address }) => address).join(','),
})
const logger = new ConsoleLogger({ colors: false, timestamp: false, logLevels: ['error', 'warn', 'log', 'debug'] })
const gateway = await NestFactory.create(GatewayModule.with(configuration), { logger })
await gateway.listen(0, '127.0.0.1')
const client = axios.create({ baseURL: await gateway.getUrl(), validateStatus: null })

async function call(times: number): Promise<void> {
  for (let request = 0; request < times; request++) {
    const { status, data } = await client.get('/users/7')
    console.log(`  ${status} user by ${data.user?.servedBy}, orders by ${data.orders?.servedBy}`)
  }
}

console.log('All instances:')
await call(4)

console.log('users-1 goes away:')
await users[0]?.app.close()
await call(4)

const health = await client.get('/health')
console.log(`Health: ${health.status} ${JSON.stringify(health.data.info)}`)

console.log('The gateway is told to stop while a call is under way:')
for (const { instance } of users) instance.latencyMs = 500
const lb = gateway.get(LoadBalancer, { strict: false })
const underWay = call(1)
while (lb.inspect('user-service').inFlight === 0) await delay(5)
await Promise.all([underWay, gateway.close()])

await Promise.all([...users.slice(1), ...orders].map(({ app }) => app.close()))
