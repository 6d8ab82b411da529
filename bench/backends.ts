// The backends of the client and of the proxies: nginx, because it takes least of the cores that what is measured needs.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An nginx that is one process. */
export interface Nginx {
  readonly child: ChildProcess
  stop(): Promise<void>
}

export async function freePorts(count: number): Promise<number[]> {
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

/** Starts an nginx of one process with what its `http` block holds. */
export async function startNginx(http: string): Promise<Nginx> {
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

/**
 * A backend of one nginx. `/small` is 30 bytes of JSON, `/64k` as many bytes, and `/port` tells which backend it was.
 */
export function startBackend(port: number): Promise<Nginx> {
  return startNginx(`server { listen 127.0.0.1:${port} backlog=4096; root .; default_type application/json;
    location /small { return 200 '{"id":1,"name":"Ada Lovelace"}'; }
    location /port { return 200 '{"port":${port}}'; } }`)
}

export interface Backends {
  readonly addresses: readonly string[]
  readonly nginxes: readonly Nginx[]
}

/** Three backends, each an nginx of its own, so that one can be killed. */
export async function startBackends(): Promise<Backends> {
  const ports = await freePorts(3)
  const nginxes = await Promise.all(ports.map((port) => startBackend(port)))
  return { addresses: ports.map((port) => `127.0.0.1:${port}`), nginxes }
}

async function waitForFile(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await readFile(path, 'utf8').catch(() => '')
    if (found.trim() !== '') return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nginx did not start: ${path}`)
}
