import { LoadBalancer } from '@lb/core'
import { expect, it } from 'vitest'
import { configurationOf, type GatewayConfiguration } from '../src/gateway/configuration.ts'
import type { RunningInstance } from '../src/services/start-instance.ts'
import { servedBy, startGateway, startServices } from './running-gateway.ts'

interface Services {
  readonly users: readonly RunningInstance[]
  readonly orders: readonly RunningInstance[]
}

const configuration = ({ users, orders }: Services): GatewayConfiguration =>
  configurationOf({
    USER_SERVICE: users.map(({ address }) => address).join(','),
    ORDER_SERVICE: orders.map(({ address }) => address).join(','),
  })

it('shares calls out over the instances of both services', async () => {
  const gateway = await startGateway(configuration(await startServices()))
  expect(await servedBy(gateway, 2)).toEqual(['orders-1', 'orders-2', 'users-1', 'users-2'])
})

it('passes over an instance that goes away, and logs the retry', async () => {
  const services = await startServices()
  const gateway = await startGateway(configuration(services))
  await services.users[0]?.app.close()
  expect(await servedBy(gateway, 2)).toEqual(['orders-1', 'orders-2', 'users-2', 'users-2'])
  const id = services.users[0]?.address
  expect(gateway.logged).toContain(`debug user-service: retry ${id} (connect ECONNREFUSED ${id})`)
})

it('answers 502 when nobody is left', async () => {
  const services = await startServices()
  const gateway = await startGateway(configuration(services))
  for (const { app } of services.orders) await app.close()
  const { status, data } = await gateway.client.get('/users/7')
  expect([status, data.message]).toEqual([502, 'Bad Gateway'])
})

it('is healthy while each service has a usable instance', async () => {
  const services = await startServices()
  const healthy = await startGateway(configuration(services))
  const { status, data } = await healthy.client.get('/health')
  expect(status).toBe(200)
  expect(data.info.services.services['user-service']).toMatchObject({ status: 'up', usable: 2, known: 2 })

  const poor = await startGateway(configuration({ users: services.users, orders: [] }))
  expect((await poor.client.get('/health')).status).toBe(503)
  expect(poor.logged).toContain('warn order-service: the list of instances is empty')
})

it('logs lists and its end', async () => {
  const gateway = await startGateway(configuration(await startServices()))
  await gateway.app.close()
  expect(gateway.logged).toContain('log user-service: instances-changed (2 added, 0 removed, 2 known)')
  expect(gateway.logged.at(-1)).toBe('log closed')
})

it('answers what is under way before it stops', async () => {
  const services = await startServices()
  const gateway = await startGateway(configuration(services))
  for (const { instance } of services.users) instance.latencyMs = 100
  const answer = gateway.client.get('/users/7')
  const lb = gateway.app.get(LoadBalancer, { strict: false })
  await expect.poll(() => lb.inspect('user-service').inFlight).toBe(1)
  await gateway.app.close()
  expect((await answer).status).toBe(200)
})

it('refuses a discovery that it does not know', () => {
  expect(() => configurationOf({ DISCOVERY: 'consul' })).toThrow('DISCOVERY is consul; set it to static or dns-srv')
})
