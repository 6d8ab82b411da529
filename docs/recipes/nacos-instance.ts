const { NACOS_SERVERS = 'http://127.0.0.1:8848' } = process.env

// #region recipe
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gracefulShutdown } from '@lb/express'
import { NacosRegistrar } from '@lb/nacos'
import express from 'express'

const app = express().get('/', (_request, response) => void response.send(process.env.NAME))
const server = app.listen(Number(process.env.PORT ?? 8080))
await once(server, 'listening')

const registrar = new NacosRegistrar({ servers: NACOS_SERVERS.split(','), onError: console.error })
const { port } = server.address() as AddressInfo
const registrations = await registrar.register('user-service', { host: '127.0.0.1', port })
gracefulShutdown(server, { registrations, noticeMs: 12_000 }) // a poll of the clients, and a little more
// #endregion recipe
console.log('registered')
