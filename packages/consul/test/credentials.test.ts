import { describe, expect, it } from 'vitest'
import type { ConsulDiscoveryOptions } from '../src/index.ts'
import { ConsulDiscovery, ConsulRegistrar } from '../src/index.ts'
import { LoopbackAgent } from './loopback-agent.ts'

const header = `Basic ${Buffer.from('me:s3cret@').toString('base64')}`

/** What is asked with, and the text of every error, when an agent echoes the credentials in its refusal. */
async function refused(optionsOf: (address: string) => ConsulDiscoveryOptions): Promise<[unknown[], string]> {
  const agent = await LoopbackAgent.start()
  agent.onQuestion = ({ headers }) => ({ status: 401, body: `no: ${headers.authorization}, me:s3cret@` })
  const options = optionsOf(agent.url.replace('http://', ''))
  const discovery = new ConsulDiscovery(options)
  const registrar = new ConsulRegistrar(options)
  try {
    const errors = [
      await discovery.getInstances('web').catch((error: unknown) => error),
      await registrar.register('web', '10.0.0.1:80').catch((error: unknown) => error),
    ]
    const shown = errors.map((error) => `${String(error)} ${String((error as Error).cause)}`).join('\n')
    return [agent.questions.map(({ headers }) => headers.authorization), shown]
  } finally {
    await Promise.all([discovery.close(), registrar.close()])
    await agent.close()
  }
}

describe('credentials for basic authentication', () => {
  it.each<[string, (address: string) => ConsulDiscoveryOptions]>([
    ['in the address', (address) => ({ address: `http://me:s3cret%40@${address}`, env: {} })],
    ['in the environment', (address) => ({ env: { CONSUL_HTTP_ADDR: address, CONSUL_HTTP_AUTH: 'me:s3cret@' } })],
    ['in an option', (address) => ({ address, auth: { username: 'me', password: 's3cret@' }, env: {} })],
  ])('%s are sent with every request, and stand in no error', async (_, optionsOf) => {
    const [sent, shown] = await refused(optionsOf)
    expect(sent.length).toBeGreaterThanOrEqual(2)
    expect(new Set(sent)).toEqual(new Set([header]))
    expect(shown).toContain('answered 401')
    expect(shown).not.toMatch(/s3cret/)
    expect(shown).not.toContain(header.slice('Basic '.length))
  })

  it('are not sent when there are none', async () => {
    const [sent] = await refused((address) => ({ address, env: {} }))
    expect(new Set(sent)).toEqual(new Set([undefined]))
  })
})
