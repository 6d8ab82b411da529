// Every option of @lb/axios does what it says with the axios that is installed here, the oldest one of the peer range included.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import process from 'node:process'
import { isLoadBalancedError, loadBalance, loadBalancedAdapter } from '@lb/axios'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import axios from 'axios'
import * as undici from 'undici'

/** An error that escapes would end the process of an application. */
function end(error) {
  console.error(error)
  process.exit(1)
}

process.on('uncaughtException', end)
process.on('unhandledRejection', end)

/** The address of a server, which stays open until the end. */
async function addressOf(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${server.address().port}`
}

/** `/STATUS?to=URL` answers with that status; anything else tells of the request. */
function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://any')
  const status = Number(/^\/(\d{3})$/.exec(pathname)?.[1] ?? 200)
  const to = searchParams.get('to')
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    response.writeHead(status, to === null ? {} : { location: to.replace('HOST', request.headers.host) })
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body, at: request.socket.localPort }))
  })
}

const alive = [await addressOf(createServer(answer)), await addressOf(createServer(answer))]
const silent = await addressOf(createTcpServer((socket) => socket.on('error', () => {}).resume()))
/** A port that no server is given: one that was closed may become the port of the next server. */
const dead = '127.0.0.1:1'

const failureOf = (promise) =>
  promise.then(
    ({ status }) => assert.fail(`answered with ${status}`),
    (error) => error,
  )

for (const [way, transport] of Object.entries({ axios: {}, 'axios over undici': { undici } })) {
  const clients = []
  const client = (instances, options = {}, { defaults = {}, ...lbOptions } = {}) => {
    const discovery = new StaticDiscovery({ users: instances })
    const lb = new LoadBalancer({ discovery, retry: { backoffBaseMs: 1 }, outlierDetection: false, ...lbOptions })
    clients.push(lb)
    return loadBalance(axios.create(defaults), lb, { ...transport, ...options })
  }
  const checks = {
    'lb: and http:': async () => {
      for (const url of ['http://users/x', 'lb://users/x', 'lb:users/x']) {
        assert.equal((await client(alive).get(url)).data.url, '/x')
      }
    },
    serviceOf: async () => {
      const named = client(alive, { serviceOf: ({ host }) => (host === 'api.example' ? 'users' : undefined) })
      assert.equal((await named.get('http://api.example/x')).data.url, '/x')
    },
    adapter: async () => {
      const used = []
      const adapter = async (config) => {
        used.push(config.url)
        return { status: 200, statusText: '', headers: {}, data: 'mine', config }
      }
      assert.equal((await client(alive, { adapter }).get('http://users/x')).data, 'mine')
      assert.ok(alive.some((address) => used[0] === `http://${address}/x`))
      const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: alive }) })
      clients.push(lb)
      const own = axios.create({ adapter: loadBalancedAdapter(lb, transport) })
      assert.equal((await own.get('http://users/x')).data.url, '/x')
    },
    hostHeader: async () => {
      assert.equal((await client(alive, { hostHeader: 'service' }).get('http://users/')).data.headers.host, 'users')
      assert.ok(alive.includes((await client(alive).get('http://users/')).data.headers.host))
    },
    hashKey: async () => {
      const hashed = client(alive, { hashKey: ({ url }) => url }, { balancer: 'ring-hash' })
      const { data } = await hashed.get('http://users/same')
      for (let number = 0; number < 5; number++) assert.equal((await hashed.get('http://users/same')).data.at, data.at)
    },
    idempotent: async () => {
      const reset = await addressOf(createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
      for (const idempotent of [true, false]) {
        const posting = client([reset, alive[0]], { idempotent: () => idempotent })
        const sent = [1, 2].map(() => posting.post('http://users/', 'x'))
        const results = await Promise.allSettled(sent)
        assert.equal(
          results.every(({ status }) => status === 'fulfilled'),
          idempotent,
        )
      }
    },
    'moves on from a refused connection': async () => {
      const moving = client([dead, alive[0]])
      const sends = [
        () => moving.get('http://users/', { params: { a: 1 } }),
        () => moving.post('http://users/', { a: 1 }),
        () => moving.postForm('http://users/', { a: 1 }),
        () => moving.putForm('http://users/', { a: Buffer.from('1') }),
        () => moving.post('http://users/', new URLSearchParams('a=1')),
      ]
      for (const send of sends) for (let number = 0; number < 2; number++) assert.equal((await send()).status, 200)
    },
    'a signal, a cancel token, a time limit': async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 30)
      const waiting = client([silent])
      assert.equal((await failureOf(waiting.get('http://users/', { signal: controller.signal }))).code, 'ERR_CANCELED')
      const source = axios.CancelToken.source()
      setTimeout(() => source.cancel('enough'), 30)
      assert.equal((await failureOf(waiting.get('http://users/', { cancelToken: source.token }))).message, 'enough')
      const late = await failureOf(waiting.get('http://users/', { timeout: 30 }))
      assert.equal(late.code, 'ECONNABORTED')
      assert.ok(isLoadBalancedError(late))
    },
    'a hedge': async () => {
      const hedged = client([silent, alive[0]], {}, { hedge: { delayMs: 10 } })
      for (let number = 0; number < 4; number++) assert.equal((await hedged.get('http://users/')).status, 200)
    },
    validateStatus: async () => {
      const store = new AsyncLocalStorage()
      const look = () => {
        assert.equal(store.getStore(), 'own')
        return true
      }
      const get = () => client(alive).get('http://users/404', { validateStatus: look })
      assert.equal((await store.run('own', get)).status, 404)
      assert.equal((await failureOf(client(alive).get('http://users/404'))).response.status, 404)
    },
    'redirects, with the credentials of the service': async () => {
      const headers = { Authorization: 'Bearer own' }
      for (const [options, to] of [
        [{}, '/x'],
        [{}, 'http://users/x'],
        [{}, 'http://HOST/x'],
        [{ hostHeader: 'service' }, 'http://HOST/x'],
      ]) {
        const url = `http://users/302?to=${encodeURIComponent(to)}`
        const { data } = await client(alive, options).get(url, { headers })
        assert.deepEqual([data.url, data.headers.authorization], ['/x', 'Bearer own'], to)
        const auth = { username: 'u', password: 'p' }
        assert.match((await client(alive, options).get(url, { auth })).data.headers.authorization ?? '', /^Basic /, to)
      }
      assert.equal(
        (await failureOf(client(alive).get('http://users/302?to=/x', { maxRedirects: 0 }))).response.status,
        302,
      )
    },
  }
  for (const [what, check] of Object.entries(checks)) {
    await check().catch((error) => {
      throw new Error(`${way} ${axios.VERSION}: ${what}`, { cause: error })
    })
  }
  await Promise.all(clients.map((lb) => lb.close()))
}

// What would end the process comes a little later.
await new Promise((resolve) => setTimeout(resolve, 100))
console.log(`options of @lb/axios on Node ${process.version} with axios ${axios.VERSION}: ok`)
process.exit()
