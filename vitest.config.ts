import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('./packages', import.meta.url))

export default defineConfig({
  // Tests run against the sources, so that no test can pass on a stale build.
  resolve: { alias: [{ find: /^@lb\/([a-z-]+)$/, replacement: `${packages}/$1/src/index.ts` }] },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['packages/*/src/**/*.test.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
})
