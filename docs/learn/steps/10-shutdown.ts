import { LoadBalancer, LoadBalancerClosedError, StaticDiscovery } from '@lb/core'

const discovery = new StaticDiscovery({ 'user-service': ['10.0.1.12:8080'] })
const lb = new LoadBalancer({ discovery })

// #region shutdown
let answer: (text: string) => void = () => {}
const call = lb.execute(
  'user-service',
  () =>
    new Promise<string>((resolve) => {
      answer = resolve
    }),
)

const closed = lb.close({ drainMs: 10_000 }) // at SIGTERM
await lb
  .execute('user-service', async () => 'too late')
  .catch((error) => {
    console.log(error instanceof LoadBalancerClosedError ? 'a new call is refused' : error)
  })
answer('the running call ends')
console.log(await call)
await closed
// #endregion shutdown
