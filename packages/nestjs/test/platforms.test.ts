import type { AddressInfo, Server } from 'node:net'
import { loadBalance } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { LoopbackBackend } from '@lb/testing'
import { HttpModule, HttpService } from '@nestjs/axios'
import {
  Controller,
  Get,
  type INestApplication,
  type INestMicroservice,
  Module,
  type OnModuleInit,
  Param,
} from '@nestjs/common'
import { ClientProxyFactory, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { Test } from '@nestjs/testing'
import axios, { type AxiosInstance } from 'axios'
import { firstValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InjectServiceClient, LoadBalancerHealthIndicator, LoadBalancerModule } from '../src/index.ts'
import { LogLines } from './application.ts'

@Controller()
class GatewayController implements OnModuleInit {
  readonly #users: AxiosInstance
  readonly #http: HttpService
  readonly #lb: LoadBalancer
  readonly #health: HealthCheckService
  readonly #indicator: LoadBalancerHealthIndicator

  constructor(
    @InjectServiceClient('user-service') users: AxiosInstance,
    http: HttpService,
    lb: LoadBalancer,
    health: HealthCheckService,
    indicator: LoadBalancerHealthIndicator,
  ) {
    this.#users = users
    this.#http = http
    this.#lb = lb
    this.#health = health
    this.#indicator = indicator
  }

  // The one line of the README.
  onModuleInit(): void {
    loadBalance(this.#http.axiosRef, this.#lb)
  }

  @Get('profiles/:id')
  async profile(@Param('id') id: string): Promise<unknown> {
    return (await this.#users.get(`/v1/profiles/${id}`)).data
  }

  @Get('with-http-service')
  async withHttpService(): Promise<unknown> {
    return (await firstValueFrom(this.#http.get('http://user-service/v1/profile'))).data
  }

  @Get('health')
  @HealthCheck()
  health(): Promise<unknown> {
    return this.#health.check([() => this.#indicator.check('services')])
  }

  @MessagePattern('profile')
  async profileMessage(id: string): Promise<unknown> {
    return (await this.#users.get(`/v1/profiles/${id}`)).data
  }
}

let backends: LoopbackBackend[]
let discovery: StaticDiscovery
let app: INestApplication

beforeEach(async () => {
  backends = [await LoopbackBackend.start({ id: 'a' }), await LoopbackBackend.start({ id: 'b' })]
  discovery = new StaticDiscovery({ 'user-service': backends.map(({ address }) => address) })
})

afterEach(async () => {
  await app.close()
  await Promise.all(backends.map((backend) => backend.stop()))
})

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('on %s', (_, adapter) => {
  async function listening(prepare: (app: INestApplication) => void = () => {}): Promise<string> {
    @Module({
      imports: [
        LoadBalancerModule.forRoot({ discovery, services: { 'user-service': {} } }),
        LoadBalancerModule.forFeature('user-service'),
        HttpModule,
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [GatewayController],
    })
    class AppModule {}
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile()
    app = module.createNestApplication(adapter(), { logger: new LogLines() })
    prepare(app)
    await app.startAllMicroservices()
    await app.listen(0, '127.0.0.1')
    return app.getUrl()
  }

  async function servedBy(url: string, count: number): Promise<string[]> {
    const ids: string[] = []
    for (let request = 0; request < count; request++) ids.push((await axios.get(url)).data.id)
    return ids.sort()
  }

  it('a controller shares its calls out over the instances', async () => {
    const url = await listening()
    expect(await servedBy(`${url}/profiles/7`, 4)).toEqual(['a', 'a', 'b', 'b'])
    expect(backends[0]?.requests[0]?.url).toBe('/v1/profiles/7')
  })

  it('an instance that goes away is passed over', async () => {
    const url = await listening()
    await backends[0]?.stop()
    expect(await servedBy(`${url}/profiles/7`, 4)).toEqual(['b', 'b', 'b', 'b'])
  })

  it('HttpService of @nestjs/axios is balanced by one line', async () => {
    const url = await listening()
    expect(await servedBy(`${url}/with-http-service`, 4)).toEqual(['a', 'a', 'b', 'b'])
  })

  it('the health endpoint of terminus says 200, and 503 when nobody is left', async () => {
    const url = await listening()
    const status = async () => (await axios.get(`${url}/health`, { validateStatus: null })).status
    expect(await status()).toBe(200)
    discovery.set(
      'user-service',
      backends.map(({ host, port }) => ({ host, port, weight: 0 })),
    )
    expect(await status()).toBe(503)
  })

  it('a request that is under way when the application closes gets its answer', async () => {
    const url = await listening()
    for (const backend of backends) backend.script = { latencyMs: 50 }
    const answer = axios.get(`${url}/profiles/7`)
    await expect.poll(() => app.get(LoadBalancer).inspect('user-service').inFlight).toBe(1)
    await app.close()
    expect((await answer).status).toBe(200)
  })

  it('a hybrid application balances the calls of its message handlers too, and closes once', async () => {
    const events: string[] = []
    const url = await listening((hybrid) => {
      hybrid.get(LoadBalancer).subscribe(({ type }) => events.push(type))
      hybrid.connectMicroservice<MicroserviceOptions>({
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port: 0 },
      })
    })
    const [microservice] = app.getMicroservices()
    const { port } = (microservice as INestMicroservice).unwrap<Server>().address() as AddressInfo
    const sender = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } })
    const ids: string[] = []
    for (let message = 0; message < 2; message++) ids.push((await firstValueFrom(sender.send('profile', '7'))).id)
    expect(ids.sort()).toEqual(['a', 'b'])
    expect(await servedBy(`${url}/profiles/7`, 2)).toEqual(['a', 'b'])
    sender.close()
    await app.close()
    expect(events.filter((type) => type === 'closed')).toHaveLength(1)
  })
})
