// The random conversations on this Node, with the packed packages; an exception that nobody catches ends the process.
import { fuzzGateway } from './gateway-fuzz.mjs'

for (const seed of [1, 2, 3]) {
  const { faults, ends } = await fuzzGateway(seed, 300)
  console.log(`seed ${seed}:`, JSON.stringify(ends))
  if (faults.length > 0) {
    console.error(faults.slice(0, 10).join('\n'))
    process.exit(1)
  }
}
