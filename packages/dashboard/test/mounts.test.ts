import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { afterEach, describe, expect, it } from 'vitest'
import { type ControlResponse, dashboard } from '../src/index.ts'
import { mounts } from './mounts.ts'
import { closeAll, onClose } from './servers.ts'

afterEach(closeAll)

describe.each(Object.entries(mounts))('mounted by %s', (_name, mount) => {
  async function start(): Promise<{ readonly url: string; readonly lb: LoadBalancer }> {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ 'a/b ü': ['10.0.0.1:80', '10.0.0.2:80'] }) })
    await lb.ready('a/b ü')
    const shown = dashboard(lb, { authorize: () => ({ by: 'alice' }) })
    onClose(() => lb.close())
    return { url: await mount(shown), lb }
  }

  it('serves the page, and what that refers to', async () => {
    const { url } = await start()
    const page = await fetch(url)
    const html = await page.text()
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const addresses = Array.from(html.matchAll(/(?:src|href)="([^"]+)"/g), ([, address = '']) => address)
    expect(addresses.length).toBe(3)
    for (const address of addresses) {
      const asset = await fetch(new URL(address, page.url))
      expect({ status: asset.status, length: (await asset.text()).length > 100 }).toEqual({ status: 200, length: true })
      const etag = asset.headers.get('etag') ?? ''
      expect((await fetch(asset.url, { headers: { 'if-none-match': etag } })).status).toBe(304)
    }
    // Without the slash, the addresses would miss the mount.
    const slashless = await fetch(url.slice(0, -1))
    expect(await slashless.text()).toBe(html)
  })

  it('reads and changes', async () => {
    const { url, lb } = await start()
    const service = `api/v1/services/${encodeURIComponent('a/b ü')}`
    expect(await (await fetch(new URL(service, url))).json()).toMatchObject({ total: 2, service: { service: 'a/b ü' } })
    const drained = await fetch(new URL(`${service}/drain`, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-lb-dashboard': '1' },
      body: JSON.stringify({ instance: '10.0.0.1:80' }),
    })
    expect(((await drained.json()) as ControlResponse).instance?.state).toBe('drained')
    expect(lb.inspect('a/b ü').overrides).toMatchObject([{ kind: 'drained', by: 'alice', instanceId: '10.0.0.1:80' }])
  })

  it('streams events as they happen', async () => {
    const { url, lb } = await start()
    const response = await fetch(new URL('api/v1/events', url))
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = (await reader?.read())?.value ?? ''
    lb.control('a/b ü', { by: 'bob' }).drain('10.0.0.2:80')
    while (!text.includes('override-changed')) text += (await reader?.read())?.value ?? ''
    expect(text).toContain('"by":"bob"')
    await reader?.cancel()
  })
})
