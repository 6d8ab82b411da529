// A Nest application in an ES module: compiled against the packed packages, and run.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import {
  InjectServiceClient,
  LoadBalancerHealthIndicator,
  LoadBalancerModule,
  type LoadBalancerRootAsyncOptions,
} from '@lb/nestjs'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import axios, { type AxiosInstance } from 'axios'

const backend = createServer((request, response) => response.end(JSON.stringify({ url: request.url })))
await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))

const root: LoadBalancerRootAsyncOptions = {
  useFactory: () => ({
    discovery: new StaticDiscovery({ 'user-service': [`127.0.0.1:${(backend.address() as AddressInfo).port}`] }),
  }),
}

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
  imports: [LoadBalancerModule.forRootAsync(root), LoadBalancerModule.forFeature('user-service')],
  controllers: [GatewayController],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
await app.listen(0, '127.0.0.1')
const { data } = await axios.get(`${await app.getUrl()}/profile`)
assert.equal(data.url, '/v1/profile')
assert.equal(app.get(GatewayController).lb, app.get(LoadBalancer))
assert.equal(app.get(LoadBalancerHealthIndicator).check('services').services.status, 'up')
await app.close()
backend.close()
// Nothing is left: the process ends by itself.
console.log(`Nest in an ES module on Node ${process.version}: ok`)
