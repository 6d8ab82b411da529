import 'reflect-metadata'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gracefulShutdown, healthEndpoint } from '@lb/express'
import { FakeClock } from '@lb/testing'
import { type INestApplication, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { describe, expect, it, onTestFinished } from 'vitest'

class Root implements OnApplicationShutdown {
  hasShutDown = false

  onApplicationShutdown(): void {
    this.hasShutDown = true
  }
}
Module({})(Root)

async function start(platform: 'express' | 'fastify'): Promise<INestApplication> {
  const silent = { logger: false } as const
  const application: INestApplication =
    platform === 'express'
      ? await NestFactory.create(Root, silent)
      : await NestFactory.create(Root, new FastifyAdapter(), silent)
  onTestFinished(() => application.close())
  return application
}

describe.each(['express', 'fastify'] as const)('an application of Nest on %s', (platform) => {
  it('is shut down by gracefulShutdown: requests finish, then its hooks run', async () => {
    const application = await start(platform)
    const health = healthEndpoint()
    application.use(health)
    const waiting = new Promise<ServerResponse>((resolve) => {
      application.use('/slow', (_request: IncomingMessage, response: ServerResponse) => resolve(response))
    })
    await application.listen(0, '127.0.0.1')
    const server = application.getHttpServer()
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const clock = new FakeClock()
    const errors: unknown[] = []
    const shutDown = gracefulShutdown(server, {
      health,
      clock,
      signals: [],
      onError: (error) => errors.push(error),
      onClosed: () => application.close(),
    })

    const slow = fetch(`${url}/slow`)
    const response = await waiting
    const done = shutDown()
    await clock.advance(0)
    expect((await fetch(`${url}/health`)).status).toBe(503)
    await clock.advance(5_000)
    expect([server.listening, application.get(Root).hasShutDown]).toEqual([false, false])
    response.end('late')
    const answer = await slow
    expect([answer.headers.get('connection'), await answer.text()]).toEqual(['close', 'late'])
    await done
    expect([application.get(Root).hasShutDown, errors]).toEqual([true, []])
  })
})
