// Runs the build of core on every runtime it is promised for: Node, Bun, Deno and workerd. The last three are fetched
// from the npm registry into a temporary folder.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { platformBinary } from './platform-binary.ts'

/** Packages that carry the binaries, with the versions that READMEs name. */
const runtimes = { bun: '1.4.5', deno: '2.9.6', workerd: '1.20261117.1' }

const root = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'lb-runtimes-'))

interface Addresses {
  readonly alive: readonly [string, string]
  readonly dead: string
}

function install(): void {
  cpSync(join(root, 'scripts/runtimes'), work, { recursive: true })
  const own = ['core', 'dashboard'].map((name) => [`@lb/${name}`, `file:${join(root, 'packages', name)}`] as const)
  const dependencies = { ...runtimes, ...Object.fromEntries(own) }
  writeFileSync(join(work, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }))
  const args = ['install', '--silent', '--ignore-scripts', '--ignore-workspace']
  execFileSync('pnpm', args, { cwd: work, stdio: 'inherit', timeout: 300_000 })
}

/** A server that answers with its own address. */
async function serve(): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer((_request, response) => response.end(address))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { server, address }
}

async function run(name: string, binary: string, args: readonly string[]): Promise<void> {
  const startedAt = performance.now()
  const child: ChildProcess = spawn(binary, args, { cwd: work, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const status = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  const output = await Promise.all([child.stdout, child.stderr].map((stream) => text(stream as NodeJS.ReadableStream)))
  if ((await status) !== 0) throw new Error(`core on ${name}:\n${output.join('')}`)
  process.stdout.write(`core on ${name}: ok after ${Math.round(performance.now() - startedAt)} ms\n`)
}

/** workerd finds modules by the names that its configuration gives them. */
function workerdConfig({ alive: [first, second], dead }: Addresses): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [
  (name = "main", worker = (
    modules = [
      (name = "worker.mjs", esModule = embed "worker.mjs"),
      (name = "program.mjs", esModule = embed "program.mjs"),
      (name = "@lb/core", esModule = embed "core.js"),
      (name = "@lb/core/authoring", esModule = embed "authoring.js")
    ],
    bindings = [
      (name = "FIRST", text = "${first}"), (name = "SECOND", text = "${second}"), (name = "DEAD", text = "${dead}")
    ],
    compatibilityDate = "2026-01-01"
  )),
  (name = "internet", network = (allow = ["private"]))
]);
`
}

async function runEverywhere(addresses: Addresses): Promise<void> {
  const args = ['standalone.mjs', ...addresses.alive, addresses.dead]
  await run(`Node ${process.versions.node}`, process.execPath, args)
  await run(`Bun ${runtimes.bun}`, platformBinary(work, 'bun'), args)
  await run(`Deno ${runtimes.deno}`, platformBinary(work, 'deno'), ['run', '--allow-net', ...args])
  await run(`Bun ${runtimes.bun}, dashboard`, platformBinary(work, 'bun'), ['dashboard.mjs'])
  await run(`Deno ${runtimes.deno}, dashboard`, platformBinary(work, 'deno'), ['run', 'dashboard.mjs'])
  // Each entry is one file, which imports nothing.
  cpSync(join(root, 'packages/core/dist/index.js'), join(work, 'core.js'))
  cpSync(join(root, 'packages/core/dist/authoring.js'), join(work, 'authoring.js'))
  writeFileSync(join(work, 'config.capnp'), workerdConfig(addresses))
  await run(`workerd ${runtimes.workerd}`, platformBinary(work, 'workerd'), ['test', 'config.capnp'])
}

const started: Server[] = []
try {
  install()
  const [first, second] = await Promise.all([serve(), serve()])
  started.push(first.server, second.server)
  // No server is given this port by chance, as one that was just closed may be; and fetch does not refuse it, as it does port 1.
  await runEverywhere({ alive: [first.address, second.address], dead: '127.0.0.1:2' })
} finally {
  for (const server of started) server.close()
  rmSync(work, { recursive: true, force: true })
}
