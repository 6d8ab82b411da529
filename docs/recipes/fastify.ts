import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { countCalls, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
const discovery = new StaticDiscovery({ 'user-service': instances.map(({ address }) => address) })
const lb = new LoadBalancer({ discovery })

// #region proxy
import { proxy } from '@lb/express'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

const app = Fastify()
const users = proxy(lb, 'user-service', { prefix: '/users' })

await app.register(async (scope) => {
  scope.removeAllContentTypeParsers() // the proxy reads the body itself
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  scope.all('/users/*', ({ raw }: FastifyRequest, reply: FastifyReply) => {
    reply.hijack()
    users(raw, reply.raw)
  })
})

// #endregion proxy

// #region reply-from
import replyFrom from '@fastify/reply-from'
import { loadBalanceInterceptor } from '@lb/undici'
import { Agent } from 'undici'

const agent = new Agent({ keepAliveTimeout: 1_000, keepAliveTimeoutThreshold: 1_000 })
await app.register(replyFrom, { base: 'http://user-service', undici: agent.compose(loadBalanceInterceptor(lb)) })

app.all('/v1/*', (request, reply) => {
  void reply.from(request.url, { retryDelay: () => null }) // lb retries, on another instance
})
// #endregion reply-from

const url = await app.listen({ port: 0 })
const get = (path: string) => fetch(url + path).then((response) => response.text())
console.log(`/users/profile: ${await countCalls(10, () => get('/users/profile'))}`)
await instances[0]?.stop()
console.log(`/v1/profile: ${await countCalls(10, () => get('/v1/profile'))}`)
await app.close()
await agent.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
