import { LoadBalancer, StaticDiscovery } from '@lb/core'

// #region weights
const discovery = new StaticDiscovery({
  'user-service': [
    { host: '10.0.1.12', port: 8080, id: 'large', weight: 5 },
    { host: '10.0.1.13', port: 8080, id: 'small' }, // weight 1
    { host: '10.0.1.14', port: 8080, id: 'smaller', weight: 1 },
  ],
})
const lb = new LoadBalancer({ discovery, random: () => 0 }) // without random, a process starts anywhere in the turn
await lb.ready('user-service')

const turn = Array.from({ length: 7 }, () => lb.pick('user-service').id)
console.log(turn.join(' '))
// #endregion weights
await lb.close()
