import { parseInstance } from '@lb/core'
import { FileSnapshotStore } from '../src/index.ts'

// Saves lists without end, each of instances that all say its number, until it is killed.
const [directory = '', writer = ''] = process.argv.slice(2)
const store = new FileSnapshotStore({ directory })
for (let number = 1; ; number++) {
  const size = 500 + (number % 7) * 100
  const metadata = { writer, number: String(number), size: String(size) }
  const instances = Array.from({ length: size }, (_, index) =>
    parseInstance({ host: `host-${index}.example`, port: 80, metadata }),
  )
  await store.save('users', instances)
  if (number === 1) process.stdout.write('saving\n')
}
