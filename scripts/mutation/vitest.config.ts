import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

/** The folder of core's sources whose tests are to be run, and no others. */
const nearTests = process.env.MUTATION_TESTS

const slow = [
  'composite-discovery*',
  'events-reference',
  'http-probe*',
  'quiet-clients',
  'retry-storm',
  'state-machine',
  'worker-threads',
]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@lb\/([a-z-]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@lb\/([a-z-]+)\/([a-z-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    // The tests beside the sources, or all that may notice a break.
    include:
      nearTests === undefined
        ? ['packages/core/src/{balancer,retry,health}/**/*.test.ts', 'packages/core/test/*.test.ts']
        : [`packages/core/src/${nearTests}/**/*.test.ts`],
    // What takes seconds would be run once for each mutant: the tests beside the sources are to find it.
    exclude: slow.map((name) => `packages/core/test/${name}.test.ts`),
    testTimeout: 60_000,
  },
})
