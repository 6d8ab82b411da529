import { LoadBalancerHealthIndicator } from '@lb/nestjs'
import { Controller, Get } from '@nestjs/common'
import { HealthCheck, HealthCheckService } from '@nestjs/terminus'

@Controller('health')
export class HealthController {
  readonly #health: HealthCheckService
  readonly #services: LoadBalancerHealthIndicator

  constructor(health: HealthCheckService, services: LoadBalancerHealthIndicator) {
    this.#health = health
    this.#services = services
  }

  @Get()
  @HealthCheck()
  check(): Promise<unknown> {
    return this.#health.check([() => this.#services.check('services')])
  }
}
