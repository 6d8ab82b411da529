import { systemClock } from '@lb/core/authoring'

const beatMs = 5
/** A beat that comes later was kept from running. */
const mostPerBeatMs = 4 * beatMs

/**
 * How long `work` takes, in milliseconds in which this process ran. While a busy machine runs other processes, neither the client
 * nor the backends of the test do anything, so that this time is no delay of the client. On an idle machine it is the real time.
 */
export async function runningTimeOf(work: () => Promise<unknown>): Promise<number> {
  let ranMs = 0
  let seenMs = systemClock.now()
  let cancel = (): void => {}
  const look = (): void => {
    const nowMs = systemClock.now()
    ranMs += Math.min(nowMs - seenMs, mostPerBeatMs)
    seenMs = nowMs
  }
  const beat = (): void => {
    look()
    cancel = systemClock.setTimeout(beat, beatMs)
  }
  beat()
  try {
    await work()
    look()
    return ranMs
  } finally {
    cancel()
  }
}
