import { Controller, Get, Inject, Param } from '@nestjs/common'
import { INSTANCE, type Instance } from './instance.ts'

@Controller('v1/users')
export class UsersController {
  readonly #instance: Instance

  constructor(@Inject(INSTANCE) instance: Instance) {
    this.#instance = instance
  }

  @Get(':id')
  user(@Param('id') id: string): Promise<unknown> {
    return this.#instance.answer({ id, name: `User ${id}` })
  }
}
