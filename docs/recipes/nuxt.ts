import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, toNodeListener } from 'h3'
import { createHooks } from 'hookable'
import { showDeath, startInstances } from './instances.ts'

const instances = await startInstances('first', 'second')
Object.assign(process.env, { USER_SERVICE: instances.map(({ address }) => address).join() })

// #region users
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { createFetch } from '@lb/undici'

export const lb: LoadBalancer = new LoadBalancer({
  discovery: new StaticDiscovery({ 'user-service': process.env.USER_SERVICE?.split(',') ?? [] }),
})
export const users = createFetch(lb)

// #endregion users

// #region handler
import { defineEventHandler } from 'h3'

const profile = defineEventHandler(() => users('http://user-service/v1/profile'))
// #endregion handler

/** As that of Nitro: it gives the plugin back, and types it. Nitro calls each plugin once, with its hooks. */
function defineNitroPlugin(plugin: (nitro: { readonly hooks: typeof hooks }) => void): typeof plugin {
  return plugin
}
const hooks = createHooks<{ close: () => Promise<void> }>()

// #region close
const close = defineNitroPlugin((nitro) => {
  nitro.hooks.hook('close', async () => {
    await lb.close({ drainMs: 5_000 })
    await users.close()
  })
})
// #endregion close
close({ hooks })

const server = createServer(toNodeListener(createApp().use('/api/profile', profile)))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await showDeath(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/profile`, instances)
server.close()
// The node server of Nitro does so when the process is asked to end.
await hooks.callHook('close')
await users('http://user-service/v1/profile').catch(({ cause }) => console.log(`after close: ${cause.code}`))
await Promise.all(instances.map((instance) => instance.stop()))
