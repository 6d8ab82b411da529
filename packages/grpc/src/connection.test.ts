import { type experimental, connectivityState as states } from '@grpc/grpc-js'
import { FakeClock, instance } from '@lb/testing'
import { expect, it } from 'vitest'
import { Connection } from './connection.ts'

/** A connection that takes 1 s at most, to a subchannel whose state `become` changes. */
class Connecting {
  readonly clock = new FakeClock()
  readonly connection: Connection
  #state = states.CONNECTING
  #listener: experimental.ConnectivityStateListener = () => {}
  readonly #subchannel = {
    addConnectivityStateListener: (listener: experimental.ConnectivityStateListener): void => {
      this.#listener = listener
    },
    getConnectivityState: () => this.#state,
    startConnecting: () => {},
    ref: () => {},
  } as unknown as experimental.SubchannelInterface

  constructor() {
    this.connection = new Connection({
      instance: instance('a'),
      subchannel: this.#subchannel,
      states,
      clock: this.clock,
      connectTimeoutMs: 1_000,
      onChange: () => {},
      onReturn: () => {},
    })
  }

  become(state: number): void {
    const before = this.#state
    this.#state = state
    this.#listener(this.#subchannel, before, state, 0)
  }
}

it('fails when it takes too long', async () => {
  const { clock, connection } = new Connecting()
  await clock.advance(999)
  expect(connection.failure).toBeUndefined()
  await clock.advance(1)
  expect(connection.failure?.message).toMatch(/^no connection to .* within 1000 ms$/)
})

it('does not fail when it was established while the process stood: its sockets are read before the time is over', async () => {
  const connecting = new Connecting()
  await connecting.clock.advance(500)
  await connecting.clock.pause(5_000)
  expect(connecting.connection.failure).toBeUndefined()
  connecting.become(states.READY)
  await connecting.clock.advance(10_000)
  expect(connecting.connection.isReady).toBe(true)
  expect(connecting.connection.failure).toBeUndefined()
})

it('fails soon after the process stood, if nothing came', async () => {
  const { clock, connection } = new Connecting()
  await clock.pause(5_000)
  await clock.advance(1_000)
  expect(connection.failure).toBeDefined()
})
