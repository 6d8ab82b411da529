import { LoadBalancerModule } from '@lb/nestjs'
import { type DynamicModule, Module } from '@nestjs/common'
import { ConfigModule } from '@nestjs/config'
import { TerminusModule } from '@nestjs/terminus'
import type { GatewayConfiguration } from './configuration.ts'
import { HealthController } from './health.controller.ts'
import { LoadBalancerSettings } from './load-balancer.settings.ts'
import { LoadBalancerLog } from './load-balancer-log.ts'
import { UsersController } from './users.controller.ts'

@Module({
  imports: [
    LoadBalancerModule.forRootAsync({ useClass: LoadBalancerSettings }),
    LoadBalancerModule.forFeature(
      { service: 'user-service', axios: { timeout: 2_000 } },
      { service: 'order-service', axios: { timeout: 2_000 } },
    ),
    TerminusModule.forRoot({ logger: false }),
  ],
  controllers: [UsersController, HealthController],
  providers: [LoadBalancerLog],
})
export class GatewayModule {
  static with(configuration: GatewayConfiguration): DynamicModule {
    const config = ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [() => configuration] })
    return { module: GatewayModule, imports: [config] }
  }
}
