import { LoadBalancer, OverloadedError, StaticDiscovery } from '@lb/core'

const discovery = new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] })

// #region overload
const lb = new LoadBalancer({ discovery, maxInFlight: 2, queue: { maxSize: 1, maxWaitMs: 1_000 } })

let finish: () => void = () => {}
const finished = new Promise<void>((resolve) => {
  finish = resolve
})
const calls = Array.from({ length: 4 }, (_, number) =>
  lb
    .execute('user-service', () => finished)
    .then(
      () => `call ${number} was served`,
      (error) => `call ${number} was ${error instanceof OverloadedError ? 'refused at once' : 'lost'}`,
    ),
)
finish()
console.log((await Promise.all(calls)).join('\n'))
// #endregion overload
await lb.close()
