import { InjectServiceClient } from '@lb/nestjs'
import { BadGatewayException, Controller, Get, Param } from '@nestjs/common'
import { type AxiosInstance, isAxiosError } from 'axios'

/** Puts an answer together from both services. */
@Controller('users')
export class UsersController {
  readonly #users: AxiosInstance
  readonly #orders: AxiosInstance

  constructor(
    @InjectServiceClient('user-service') users: AxiosInstance,
    @InjectServiceClient('order-service') orders: AxiosInstance,
  ) {
    this.#users = users
    this.#orders = orders
  }

  @Get(':id')
  async user(@Param('id') id: string): Promise<unknown> {
    try {
      const [user, orders] = await Promise.all([
        this.#users.get(`/v1/users/${encodeURIComponent(id)}`),
        this.#orders.get('/v1/orders', { params: { user: id } }),
      ])
      return { user: user.data, orders: orders.data }
    } catch (error) {
      // What went wrong behind the gateway is not the client's business.
      if (isAxiosError(error)) throw new BadGatewayException(undefined, { cause: error })
      throw error
    }
  }
}
