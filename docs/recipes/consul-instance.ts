// #region recipe
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { ConsulRegistrar } from '@lb/consul'
import { gracefulShutdown, healthEndpoint } from '@lb/express'
import express from 'express'

const health = healthEndpoint()
const app = express()
  .use(health)
  .get('/', (_request, response) => void response.send(process.env.NAME))
const server = app.listen(Number(process.env.PORT ?? 8080))
await once(server, 'listening')

const registrar = new ConsulRegistrar({ check: { http: '/health', intervalMs: 1_000 }, onError: console.error })
const { port } = server.address() as AddressInfo
const registrations = await registrar.register('user-service', { host: '127.0.0.1', port })
gracefulShutdown(server, { health, registrations, noticeMs: 2_000 }) // at SIGTERM: out of Consul, then 2 s, then out
// #endregion recipe
console.log('registered')
