import * as grpc from '@grpc/grpc-js'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { settlePromises } from '@lb/testing'
import { expect, it, vi } from 'vitest'
import { ChannelPolicy } from './channel-policy.ts'
import { registrationSettings } from './options.ts'

const { TRANSIENT_FAILURE, CONNECTING } = grpc.connectivityState

it('looks at all instances when lb changes its view of them, not for each connection that fails', async () => {
  const addresses = Array.from({ length: 50 }, (_, index) => `10.0.0.1:${index + 1}`)
  const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: addresses }) })
  await lb.ready('users')
  const listeners: ((...args: unknown[]) => void)[] = []
  const subchannel = {
    addConnectivityStateListener: (listener: () => void) => listeners.push(listener),
    removeConnectivityStateListener: () => {},
    getConnectivityState: () => CONNECTING,
    startConnecting: () => {},
    ref: () => {},
    unref: () => {},
  }
  const updateState = vi.fn()
  const helper = { createSubchannel: () => subchannel, updateState }
  const policy = new ChannelPolicy(
    { lb, service: 'users', settings: registrationSettings(lb, {}) },
    helper as never,
    {},
  )
  await settlePromises()
  expect(listeners).toHaveLength(50)
  const inspect = vi.spyOn(lb, 'inspect')
  for (const fail of listeners) {
    expect(updateState).toHaveBeenLastCalledWith(CONNECTING, policy, null)
    fail(subchannel, CONNECTING, TRANSIENT_FAILURE, 0, 'refused')
    await settlePromises()
  }
  expect(updateState).toHaveBeenLastCalledWith(TRANSIENT_FAILURE, policy, 'users: no instance can be reached')
  expect(inspect).not.toHaveBeenCalled()
  lb.control('users').drain('10.0.0.1:1')
  await settlePromises()
  expect(inspect).toHaveBeenCalled()
  policy.close()
  await lb.close()
})
