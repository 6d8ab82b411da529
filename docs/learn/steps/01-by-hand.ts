import axios from 'axios'
import { first, second, stopBackends } from './backends.ts'

// #region by-hand
const instances = [first.address, second.address]
let next = 0

async function profile(): Promise<string> {
  const instance = instances[next++ % instances.length]
  const { data } = await axios.get(`http://${instance}/v1/profile`)
  return data
}
// #endregion by-hand

for (let call = 0; call < 4; call++) console.log(await profile())

// #region one-dies
await first.stop()
for (let call = 0; call < 4; call++) {
  console.log(await profile().catch((error) => `failed: ${error.code}`))
}
// #endregion one-dies
await stopBackends()
