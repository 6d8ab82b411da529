import type { experimental } from '@grpc/grpc-js'
import { cancelled, unavailable } from './outcome.ts'

type Subchannel = experimental.SubchannelInterface
type RealSubchannel = ReturnType<Subchannel['getRealSubchannel']>
type CreateCall = RealSubchannel['createCall']
type Listener = Parameters<CreateCall>[3]

/** `CANCEL` of RFC 9113. */
const http2Cancel = 8

/** What grpc-js asks of the subchannel of a pick. */
type PickedSubchannel = Pick<
  Subchannel,
  'getAddress' | 'getCallCredentials' | 'getChannelzRef' | 'getConnectivityState' | 'getRealSubchannel'
>

/**
 * `subchannel`, but the head of a response comes with its first message. grpc-js repeats no call that has a head; so one that breaks
 * off before its message can be repeated.
 */
export function withHeldHeads(subchannel: Subchannel): Subchannel {
  const createCall: CreateCall = (metadata, host, method, listener, callId) =>
    subchannel.getRealSubchannel().createCall(metadata, host, method, heldHead(listener), callId)
  const picked: PickedSubchannel = {
    getAddress: () => subchannel.getAddress(),
    getCallCredentials: () => subchannel.getCallCredentials(),
    getChannelzRef: () => subchannel.getChannelzRef(),
    getConnectivityState: () => subchannel.getConnectivityState(),
    getRealSubchannel: () => ({ createCall }) as RealSubchannel,
  }
  return picked as Subchannel
}

function heldHead(listener: Listener): Listener {
  let head: Parameters<Listener['onReceiveMetadata']>[0] | undefined
  const release = (): void => {
    if (head === undefined) return
    const held = head
    head = undefined
    listener.onReceiveMetadata(held)
  }
  return {
    onReceiveMetadata: (metadata) => {
      head = metadata
    },
    onReceiveMessage: (message) => {
      release()
      listener.onReceiveMessage(message)
    },
    onReceiveStatus: (status) => {
      // A server that shuts down at once resets its streams so. What the caller cancelled does not come here.
      const isBroken = status.code === cancelled && status.rstCode === http2Cancel
      if (isBroken) {
        listener.onReceiveStatus({ ...status, code: unavailable, details: 'the server broke off the call' })
        return
      }
      if (status.code !== unavailable) release()
      listener.onReceiveStatus(status)
    },
  }
}
