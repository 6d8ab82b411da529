import { Controller, Get, Inject, Query } from '@nestjs/common'
import { INSTANCE, type Instance } from './instance.ts'

@Controller('v1/orders')
export class OrdersController {
  readonly #instance: Instance

  constructor(@Inject(INSTANCE) instance: Instance) {
    this.#instance = instance
  }

  @Get()
  orders(@Query('user') user: string): Promise<unknown> {
    return this.#instance.answer({ orders: [{ id: 1, user }] })
  }
}
