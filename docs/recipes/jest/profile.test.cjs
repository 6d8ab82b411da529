const { LoadBalancer, StaticDiscovery } = require('@lb/core')
const { LoopbackBackend } = require('@lb/testing')
const { createFetch } = require('@lb/undici')

test('reads the profile from the other instance when one fails', async () => {
  const first = await LoopbackBackend.start({ script: { status: 503 } })
  const second = await LoopbackBackend.start({ script: { body: 'Ada' } })
  const discovery = new StaticDiscovery({ 'user-service': [first.address, second.address] })
  const lb = new LoadBalancer({ discovery, random: () => 0 }) // begins with the first
  const fetch = createFetch(lb)

  expect(await (await fetch('http://user-service/v1/profile')).text()).toBe('Ada')
  expect([first.requests.length, second.requests.length]).toEqual([1, 1])

  await Promise.all([fetch.close(), lb.close(), first.stop(), second.stop()])
})
