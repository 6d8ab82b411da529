import { expect, it } from 'vitest'
import { configurationOf } from '../src/gateway/configuration.ts'
import { startNameServer } from './name-server.ts'
import { servedBy, startGateway, startServices } from './running-gateway.ts'

const environment = { DISCOVERY: 'dns-srv', DNS_NAME: '{service}.example.test.' }

it('finds the instances by SRV records, when so configured', async () => {
  const { users, orders } = await startServices()
  const server = await startNameServer({
    'user-service.example.test': users.map(({ port }) => port),
    'order-service.example.test': orders.map(({ port }) => port),
  })
  const gateway = await startGateway(configurationOf({ ...environment, DNS_SERVERS: server }))
  expect(await servedBy(gateway, 2)).toEqual(['orders-1', 'orders-2', 'users-1', 'users-2'])
})

it('starts when DNS knows nothing, says so, and is not healthy', async () => {
  const server = await startNameServer({})
  const gateway = await startGateway(configurationOf({ ...environment, DNS_SERVERS: server }))
  expect(gateway.logged.some((line) => line.startsWith('warn user-service: '))).toBe(true)
  expect((await gateway.client.get('/health')).status).toBe(503)
  expect((await gateway.client.get('/users/7')).status).toBe(502)
})
