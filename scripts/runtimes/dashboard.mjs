// The dashboard where there is no node:http: reads, a change, and a stream that its client cancels.
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { dashboard } from '@lb/dashboard'

const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80'] }) })
await lb.ready('users')
const { fetch } = dashboard(lb, { authorize: async ({ header }) => ({ by: header('x-user') ?? 'nobody' }) })

function check(what, holds) {
  if (!holds) throw new Error(what)
}

const page = await fetch(new Request('http://localhost/lb/'))
check('the page', page.status === 200 && (await page.text()).includes('assets/page-'))
const drained = await fetch(
  new Request('http://localhost/lb/api/v1/services/users/drain', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lb-dashboard': '1', 'x-user': 'alice' },
    body: JSON.stringify({ instance: '10.0.0.1:80' }),
  }),
)
check('a change', (await drained.json()).service.overrides[0].by === 'alice')
const stream = await fetch(new Request('http://localhost/lb/api/v1/events'))
const reader = stream.body.getReader()
const { value } = await reader.read()
check('the events', new TextDecoder().decode(value).includes('override-changed'))
await reader.cancel()
check('a hostile name', (await fetch(new Request('http://evil.example/lb/'))).status === 421)
await lb.close()
check('the end', (await fetch(new Request('http://localhost/lb/api/v1/services'))).status === 503)
console.log('ok')
