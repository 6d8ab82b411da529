// Bundles programs that use the packed packages, as the bundlers of applications do, minified: a bundle has to print what the
// program prints as it is, so every name survives.
import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { platformBinary } from './platform-binary.ts'

/** Versions of the bundlers. */
export const bundlers = {
  bun: '1.4.5',
  esbuild: '0.28.2',
  vite: '8.3.8',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1',
}

/** Nest loads these where an application has them. */
const optional = ['@nestjs/microservices*', '@nestjs/websockets*', 'class-transformer*', 'class-validator*']

/** CommonJS modules in an ES module need it. */
const requireBanner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"

type Program = 'packages' | 'nest'

interface Bundle {
  readonly bundler: string
  readonly program: Program
  /** Under the folder of the bundles. */
  readonly file: string
  readonly command: readonly [program: string, ...args: string[]]
}

const execute = promisify(execFile)

/**
 * @param application the folder of an application that has the packages
 * @param tools the folder in which `bundlers` are installed
 * @param nodes binaries of Node
 */
export async function checkBundles(application: string, tools: string, nodes: readonly string[]): Promise<void> {
  cpSync(fileURLToPath(new URL('bundlers', import.meta.url)), tools, { recursive: true })
  // No package lies beside the bundles: what is not in them is missing.
  const target = join(tools, '..', 'bundles')
  const bundles = bundlesIn(target, tools)
  await Promise.all(bundles.map(({ command: [program, ...args] }) => output(program, args, application)))
  for (const node of nodes) {
    const programs = { packages: 'names/packages.mjs', nest: 'names/nest.mjs' }
    const [packages, nest] = await Promise.all(
      Object.values(programs).map((program) => output(node, [program], application)),
    )
    const expected = { packages, nest }
    await Promise.all(
      bundles.map(async ({ bundler, program, file }) => {
        const printed = await output(node, [join(target, file), '--minified'], target)
        const difference = firstDifference(expected[program] ?? '', printed)
        if (difference !== undefined) throw new Error(`${programs[program]} bundled by ${bundler} says ${difference}`)
      }),
    )
    const version = (await output(node, ['--version'], target)).trim()
    process.stdout.write(`bundles on Node ${version} say every name: ${bundles.map(({ file }) => file).join(', ')}\n`)
  }
}

function bundlesIn(target: string, tools: string): Bundle[] {
  const tool = (name: string): string => join(tools, 'node_modules/.bin', name)
  const each = (program: Program): Bundle[] => {
    const entry = `names/${program}.mjs`
    const flags = ['--bundle', '--platform=node', '--minify', '--format=esm', `--banner:js=${requireBanner}`]
    return [
      {
        bundler: 'esbuild',
        program,
        file: `esbuild/${program}.mjs`,
        command: [
          tool('esbuild'),
          entry,
          ...flags,
          ...optional.map((name) => `--external:${name}`),
          `--outfile=${join(target, `esbuild/${program}.mjs`)}`,
        ],
      },
      {
        bundler: 'bun',
        program,
        file: `bun/${program}.mjs`,
        command: [
          platformBinary(tools, 'bun'),
          'build',
          entry,
          '--target=node',
          '--minify',
          ...optional.flatMap((name) => ['--external', name]),
          `--outfile=${join(target, `bun/${program}.mjs`)}`,
        ],
      },
      {
        bundler: 'vite',
        program,
        file: `vite-${program}/${program}.mjs`,
        command: [
          tool('vite'),
          'build',
          '--config',
          join(tools, 'vite.config.cjs'),
          '--ssr',
          entry,
          '--outDir',
          join(target, `vite-${program}`),
        ],
      },
    ]
  }
  return [
    ...each('packages'),
    ...each('nest'),
    // By far the slowest of them, and Nest by far the largest.
    {
      bundler: 'webpack',
      program: 'packages',
      file: 'webpack/packages.cjs',
      command: [
        tool('webpack'),
        '--config',
        join(tools, 'webpack.config.cjs'),
        '--entry',
        './names/packages.mjs',
        '--output-path',
        join(target, 'webpack'),
        '--output-filename',
        'packages.cjs',
      ],
    },
  ]
}

/** What a program writes to its output; it fails when the program does. */
async function output(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await execute(program, args, { cwd, timeout: 240_000, maxBuffer: 64 * 1_024 * 1_024 })
  return stdout
}

function firstDifference(expected: string, printed: string): string | undefined {
  if (printed === expected && expected.length > 1_000) return undefined
  const lines = printed.split('\n')
  const line = expected.split('\n').findIndex((text, index) => text !== lines[index])
  return `${lines[line]}, not ${expected.split('\n')[line]}`
}
