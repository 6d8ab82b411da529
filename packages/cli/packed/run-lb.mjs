// Runs the command of the packed package, installed alone as npx does it, against instances and registries on loopback.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { exitCodes, runCli } from '@lb/cli'

const packageFile = new URL('node_modules/@lb/cli/package.json', import.meta.url)
const { bin, version } = JSON.parse(readFileSync(packageFile, 'utf8'))
const program = new URL(bin.lb, packageFile).pathname

// The link that npx runs is there, and so is the first line that makes it run.
assert.ok(existsSync(new URL('node_modules/.bin/lb', import.meta.url)))
assert.match(readFileSync(program, 'utf8'), /^#!\/usr\/bin\/env node\n/)
assert.equal(createRequire(import.meta.url)('@lb/cli').exitCodes.nothingFound, exitCodes.nothingFound)
assert.equal(typeof runCli, 'function')

async function lb(line, env = {}) {
  const child = spawn(process.execPath, [program, ...line.split(' ')], { env: { PATH: process.env.PATH, ...env } })
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

function started(handler) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  return once(server, 'listening').then(() => server)
}

const addressOf = (server) => `127.0.0.1:${server.address().port}`

assert.deepEqual(await lb('--version'), { code: 0, out: `${version}\n`, err: '' })
let quickest = Number.POSITIVE_INFINITY
for (let round = 0; round < 3; round++) {
  const startedMs = performance.now()
  const { code, out } = await lb('--help')
  quickest = Math.min(quickest, performance.now() - startedMs)
  assert.equal(code, 0)
  assert.match(out, /^Usage: lb <command>/)
}

const instances = await Promise.all([1, 2].map(() => started((_, response) => response.end('ok'))))
const addresses = instances.map(addressOf)
const called = await lb(`call users /v1 -n 20 -c 4 -o json --static ${addresses.join(',')}`)
assert.equal(called.code, 0, called.err)
const report = JSON.parse(called.out)
assert.equal(report.succeeded, 20)
assert.deepEqual(
  report.instances.map(({ attempts }) => attempts),
  [10, 10],
)

const consul = await started((_, response) => {
  const entries = instances.map((each, index) => ({
    Node: { Node: 'n', Address: '127.0.0.1' },
    Service: { ID: `${index}`, Service: 'users', Address: '127.0.0.1', Port: each.address().port },
    Checks: [{ Status: 'passing' }],
  }))
  response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '1' }).end(JSON.stringify(entries))
})
const resolved = await lb('resolve users --consul -o json', { CONSUL_HTTP_ADDR: `http://${addressOf(consul)}` })
assert.equal(resolved.code, 0, resolved.err)
assert.deepEqual(
  JSON.parse(resolved.out)
    .map(({ endpoint }) => endpoint)
    .sort(),
  addresses.map((each) => `http://${each}`).sort(),
)

const { REAL_CONSUL, REAL_DNS } = process.env
if (REAL_CONSUL === undefined) console.log('NOT RUN: lb with a real Consul')
else {
  const dns = `${REAL_DNS} --dns-name {service}.service.consul. --dns-transport tcp`
  for (const source of [`--consul ${REAL_CONSUL}`, `--dns-srv ${dns}`, `--dns ${dns} --port 8080`]) {
    const { code, out, err } = await lb(`resolve real-users ${source} -o json`)
    assert.equal(code, 0, err)
    const endpoints = JSON.parse(out).map(({ endpoint }) => endpoint)
    assert.deepEqual(endpoints, ['http://10.0.1.12:8080'])
  }
}

// Every discovery is there: it fails because nothing listens, and in one line.
const sources = ['--consul', '--etcd', '--nacos', '--kubernetes'].map((flag) => `${flag} http://127.0.0.1:9`)
const dns = ['--dns 127.0.0.1:9 --port 80', '--dns-srv 127.0.0.1:9', '--dns-sd 127.0.0.1:9']
const failures = [...sources, ...dns, '--file none.yaml'].map((source) => lb(`resolve users ${source} --timeout 20s`))
for (const { code, out, err } of await Promise.all(failures)) {
  assert.deepEqual({ code, out }, { code: 1, out: '' }, err)
  assert.match(err, /^lb: [^\n]+\n$/)
  assert.doesNotMatch(err, /Cannot find/)
}
const variables = await lb('resolve users --env -o json', { services__users__http__0: addresses[0] })
assert.equal(variables.code, 0, variables.err)

const hashes = await Promise.all(
  [1, 2].map(() => lb('simulate grey-failure --clients 2 --duration 2s --seed 5 -o json')),
)
assert.equal(JSON.parse(hashes[0].out).hash, JSON.parse(hashes[1].out).hash)
assert.equal((await lb(`doctor http://users/ --connect --static ${addresses[0]}`)).code, 0)
assert.equal((await lb('resolve users --consull')).code, exitCodes.usage)
assert.equal((await lb('resolve users --env')).code, exitCodes.nothingFound)

for (const server of [...instances, consul]) server.close()
console.log(`lb on Node ${process.version}: ok, its help within ${quickest.toFixed(0)} ms`)
