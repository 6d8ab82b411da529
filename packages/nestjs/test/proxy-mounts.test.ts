import 'reflect-metadata'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { type ProxyOptions, proxy } from '@lb/express'
import { type INestApplication, type MiddlewareConsumer, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { afterEach, describe, expect, it } from 'vitest'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startInstance(): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/login') response.writeHead(302, { location: '/welcome' }).end()
    else response.end(request.url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Mounting {
  readonly platform: 'express' | 'fastify'
  readonly routes?: string
  readonly use?: string
  readonly options?: ProxyOptions
}

/** Where an application of Nest with a proxy can be reached. */
async function start({ platform, routes, use, options }: Mounting): Promise<string> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ service: [await startInstance()] }) })
  closers.push(() => lb.close())
  const handler = proxy(lb, 'service', options)
  class Gateway {
    configure(consumer: MiddlewareConsumer): void {
      if (routes !== undefined) consumer.apply(handler).forRoutes(routes)
    }
  }
  Module({})(Gateway)
  const silent = { logger: false } as const
  const application: INestApplication =
    platform === 'express'
      ? await NestFactory.create(Gateway, silent)
      : await NestFactory.create(Gateway, new FastifyAdapter(), silent)
  if (use !== undefined) application.use(use, handler)
  await application.listen(0, '127.0.0.1')
  closers.push(() => application.close())
  return `http://127.0.0.1:${(application.getHttpServer().address() as AddressInfo).port}`
}

const prefix = '/users'
const table: readonly (readonly [Mounting, path: string, asked: string])[] = [
  [{ platform: 'express', routes: 'users' }, '/users/42/orders?x=1', '/42/orders?x=1'],
  [{ platform: 'express', routes: 'users' }, '/users', '/'],
  [{ platform: 'express', routes: 'users/*path' }, '/users/42/orders?x=1', '/42/orders?x=1'],
  [{ platform: 'express', routes: 'users/*path' }, '/users/42/', '/42/'],
  [{ platform: 'express', routes: '{*path}' }, '/users/42?x=1', '/users/42?x=1'],
  [{ platform: 'express', routes: '{*path}', options: { prefix } }, '/users/42/orders?x=1', '/42/orders?x=1'],
  [{ platform: 'express', use: '/users' }, '/users/42?x=1', '/42?x=1'],
  [{ platform: 'fastify', use: '/users' }, '/users/42?x=1', '/42?x=1'],
  [{ platform: 'fastify', use: '/users' }, '/users', '/'],
  [{ platform: 'fastify', use: '/users', options: { prefix } }, '/users/42', '/42'],
  [{ platform: 'fastify', routes: 'users/*path', options: { prefix } }, '/users/42/orders?x=1', '/42/orders?x=1'],
  [{ platform: 'fastify', routes: '{*path}', options: { prefix } }, '/users/42/orders?x=1', '/42/orders?x=1'],
  [{ platform: 'fastify', routes: '{*path}', options: { prefix } }, '/users', '/'],
]

describe('a proxy of @lb/express in Nest', () => {
  it.each(table)('%o: %s is %s for the instance', async (mounting, path, asked) => {
    expect(await (await fetch((await start(mounting)) + path)).text()).toBe(asked)
  })

  it.each([
    { platform: 'express', use: '/users' },
    { platform: 'fastify', use: '/users' },
    { platform: 'express', routes: 'users/*path' },
    { platform: 'fastify', routes: 'users/*path', options: { prefix } },
  ] as const)('%o: Location has the mount', async (mounting) => {
    const response = await fetch(`${await start(mounting)}/users/login`, { redirect: 'manual' })
    expect(response.headers.get('location')).toBe('/users/welcome')
  })
})
