import type { experimental, Metadata } from '@grpc/grpc-js'

type Subchannel = experimental.SubchannelInterface
type RealSubchannel = ReturnType<Subchannel['getRealSubchannel']>
type CreateCall = RealSubchannel['createCall']

/** What grpc-js has the events of a call on a subchannel go to. The status is the last one. */
export type CallListener = Parameters<CreateCall>[3]
/** The last status of a call on a subchannel. */
export type CallStatus = Parameters<CallListener['onReceiveStatus']>[0]

/** What grpc-js asks of the subchannel of a pick. */
type PickedSubchannel = Pick<
  Subchannel,
  'getAddress' | 'getCallCredentials' | 'getChannelzRef' | 'getConnectivityState' | 'getRealSubchannel'
>

/** `subchannel`, for picks: the events of its calls go to what `listenerOf` makes of the listener of grpc-js. */
export function withListeners(
  subchannel: Subchannel,
  listenerOf: (listener: CallListener) => CallListener,
): Subchannel {
  const createCall: CreateCall = (metadata, host, method, listener, callId) =>
    subchannel.getRealSubchannel().createCall(metadata, host, method, listenerOf(listener), callId)
  const real = { createCall } as RealSubchannel
  const picked: PickedSubchannel = {
    getAddress: () => subchannel.getAddress(),
    getCallCredentials: () => subchannel.getCallCredentials(),
    getChannelzRef: () => subchannel.getChannelzRef(),
    getConnectivityState: () => subchannel.getConnectivityState(),
    getRealSubchannel: () => real,
  }
  return picked as Subchannel
}

/**
 * The listener of grpc-js, until the call has its status.
 *
 * V8 frees a stream of HTTP/2 that has ended only when it collects the whole heap. Each collection of the young objects before copies
 * what the stream refers to, which through the listener of grpc-js is all of the call.
 */
export class ReleasedListener implements CallListener {
  #listener: CallListener | undefined

  constructor(listener: CallListener) {
    this.#listener = listener
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#listener?.onReceiveMetadata(metadata)
  }

  onReceiveMessage(message: unknown): void {
    this.#listener?.onReceiveMessage(message)
  }

  onReceiveStatus(status: CallStatus): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.onReceiveStatus(status)
  }
}
