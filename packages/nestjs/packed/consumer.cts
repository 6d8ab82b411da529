// A Nest application in a CommonJS module: compiled against the packed packages, and run.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { InjectServiceClient, LoadBalancerHealthIndicator, LoadBalancerModule } from '@lb/nestjs'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import axios, { type AxiosInstance } from 'axios'

const discovery = new StaticDiscovery()
const backend = createServer((request, response) => response.end(JSON.stringify({ url: request.url })))

@Controller()
class GatewayController {
  readonly lb: LoadBalancer
  readonly users: AxiosInstance

  constructor(lb: LoadBalancer, @InjectServiceClient('user-service') users: AxiosInstance) {
    this.lb = lb
    this.users = users
  }

  @Get('profile')
  async profile(): Promise<unknown> {
    return (await this.users.get('/v1/profile')).data
  }
}

@Module({
  imports: [LoadBalancerModule.forRoot({ discovery }), LoadBalancerModule.forFeature('user-service')],
  controllers: [GatewayController],
})
class AppModule {}

async function main(): Promise<void> {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  discovery.set('user-service', [`127.0.0.1:${(backend.address() as AddressInfo).port}`])
  const app = await NestFactory.create(AppModule, { logger: false })
  await app.listen(0, '127.0.0.1')
  const { data } = await axios.get(`${await app.getUrl()}/profile`)
  assert.equal(data.url, '/v1/profile')
  assert.equal(app.get(GatewayController).lb, app.get(LoadBalancer))
  assert.equal(app.get(LoadBalancerHealthIndicator).check('services').services.status, 'up')
  await app.close()
  backend.close()
  // Nothing is left: the process ends by itself.
  console.log(`Nest in a CommonJS module on Node ${process.version}: ok`)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
