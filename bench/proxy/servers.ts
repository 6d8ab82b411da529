// What stands beside the proxies: nginx as three backends and as a contender, and processes of contenders.
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A proxy under test. */
export interface RunningProxy {
  readonly port: number
  /** CPU time it used so far, in microseconds. */
  cpuUs(): Promise<number>
  stop(): Promise<void>
}

/** An nginx that is one process. */
export interface Nginx {
  readonly child: ChildProcess
  stop(): Promise<void>
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function startNginx(http: string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'lb-bench-nginx-'))
  const config = join(folder, 'nginx.conf')
  await writeFile(join(folder, '64k'), 'x'.repeat(65_536))
  await chmod(folder, 0o755)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  await writeFile(
    config,
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 4096; }
     http { access_log off; keepalive_requests 1000000000; ${temporary.join(' ')} ${http} }`,
  )
  const child = spawn('nginx', ['-c', config, '-p', folder], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await waitForFile(`${folder}/pid`)
  return {
    child,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Three backends, each an nginx of its own, so that one can be killed. */
export async function startBackends(): Promise<{ addresses: string[]; nginxes: Nginx[] }> {
  const ports = await freePorts(3)
  const nginxes = await Promise.all(
    ports.map((port) =>
      startNginx(`server { listen 127.0.0.1:${port} backlog=4096; root .;
        location /small { default_type application/json; return 200 '{"id":1,"name":"Ada Lovelace"}'; } }`),
    ),
  )
  return { addresses: ports.map((port) => `127.0.0.1:${port}`), nginxes }
}

export async function startNginxProxy(backends: readonly string[]): Promise<RunningProxy> {
  const [port = 0] = await freePorts(1)
  const nginx = await startNginx(`
    upstream service { ${backends.map((each) => `server ${each};`).join(' ')} keepalive 256; keepalive_requests 1000000000; }
    server { listen 127.0.0.1:${port} backlog=4096;
      location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }`)
  return {
    port,
    stop: () => nginx.stop(),
    cpuUs: async () => {
      // Fields 14 and 15 in ticks of 10 ms; the name before them may hold blanks.
      const fields = (await readFile(`/proc/${nginx.child.pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    },
  }
}

export async function startContender(name: string, backends: readonly string[]): Promise<RunningProxy> {
  const child = fork(fileURLToPath(new URL('contender.ts', import.meta.url)), [name, ...backends], { stdio: 'inherit' })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const ended = once(child, 'exit')
  return {
    port,
    cpuUs: async () => {
      child.send('cpu')
      const [{ cpuUs }] = (await once(child, 'message')) as [{ cpuUs: number }]
      return cpuUs
    },
    stop: async () => {
      child.disconnect()
      await ended
    },
  }
}

async function waitForFile(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await readFile(path, 'utf8').catch(() => '')
    if (found.trim() !== '') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nginx did not start: ${path}`)
}
