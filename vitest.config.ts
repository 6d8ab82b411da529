import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { pageFilesPlugin } from './packages/dashboard/build/page-files-plugin.ts'

const packages = fileURLToPath(new URL('./packages', import.meta.url))
const nest11 = `${packages}/nestjs/test/nest-11/node_modules/@nestjs`

/** Nacos takes the longest; then what waits for other servers. A file that starts last is one that all the others have waited for. */
const longest = [/\/nacos\/test\/real-server/, /\/dns-srv\/test\/contract/, /\/kubernetes\/test\/byte-faults/]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted
      .map((file) => ({ file, rank: rankOf(file.moduleId) }))
      .sort((left, right) => left.rank - right.rank)
      .map(({ file }) => file)
  }
}

function rankOf(path: string): number {
  if (longest.some((pattern) => pattern.test(path))) return 0
  return readFileSync(path, 'utf8').includes("from 'test-servers") ? 1 : 2
}

export default defineConfig({
  plugins: [pageFilesPlugin()],
  // Tests run against the sources, so that no test can pass on a stale build.
  resolve: {
    alias: [
      { find: /^@lb\/([a-z-]+)$/, replacement: `${packages}/$1/src/index.ts` },
      { find: /^@lb\/([a-z-]+)\/([a-z-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
    ],
  },
  test: {
    // Tests with real servers mostly wait for them: with one worker for each core, the cores would stand idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    // Properties, simulations and real sockets take many times as long on a machine that is busy with other things. What has to be
    // quick says so in the test, with a limit of its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'lb',
          include: [
            'packages/*/{src,test}/**/*.test.ts',
            'apps/*/test/**/*.test.ts',
            'test/**/*.test.ts',
            'test-servers/test/**/*.test.ts',
          ],
        },
      },
      {
        // The same tests of @lb/nestjs once more, on Nest 11.
        extends: true,
        resolve: { alias: [{ find: /^@nestjs\/(.+)$/, replacement: `${nest11}/$1` }] },
        test: { name: 'nest-11', include: ['packages/nestjs/{src,test}/**/*.test.ts'], env: { NEST_MAJOR: '11' } },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['packages/*/src/**/*.test.ts'],
      reporter: ['json-summary'],
    },
  },
})
