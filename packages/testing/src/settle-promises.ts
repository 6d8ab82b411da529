/** Resolves when every promise has settled that needs neither a timer nor the network. */
export const settlePromises: () => Promise<void> =
  typeof setImmediate === 'function' ? () => new Promise((resolve) => setImmediate(resolve)) : turnsByMessage()

/** Turns of the event loop where there is no `setImmediate`, as in browsers: timers there wait 4 ms. */
function turnsByMessage(): () => Promise<void> {
  const waiting: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => waiting.shift()?.()
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port2.postMessage(undefined)
    })
}
