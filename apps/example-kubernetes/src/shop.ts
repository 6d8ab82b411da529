import { createServer, type Server } from 'node:http'
import type { LoadBalancer } from '@lb/core'
import type { LoadBalancedFetch } from '@lb/undici'

/** `/` shows which instance of `orders` answered, `/instances` what is known of all of them, `/ready` whether there is a list. */
export function shopServer(lb: LoadBalancer, fetch: LoadBalancedFetch): Server {
  const answer = async (path: string | undefined): Promise<{ status: number; body: unknown }> => {
    switch (path) {
      case '/ready':
        await lb.ready('orders')
        return { status: 200, body: 'ready' }
      case '/instances':
        return { status: 200, body: lb.inspect('orders') }
      case '/': {
        const response = await fetch('http://orders/')
        return { status: response.status, body: await response.json() }
      }
      default:
        return { status: 404, body: 'not found' }
    }
  }
  return createServer((request, response) => {
    void answer(request.url)
      .catch((cause: Error) => ({ status: 503, body: cause.message }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      })
  })
}
