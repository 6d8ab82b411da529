import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unsharedPort } from '@lb/testing'
import { onClose } from './support.ts'

// Debian's is not in everybody's PATH.
const path = `${process.env.PATH}:/usr/sbin:/sbin`

/** Whether nginx is there. Where it is not, tests that compare with it must say so, and fail on CI. */
export const hasNginx: boolean = spawnSync('nginx', ['-v'], { env: { ...process.env, PATH: path } }).status === 0

/** Starts an nginx that passes everything on to `instance`, and gives its port. */
export async function startNginx(instance: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'lb-express-nginx-'))
  chmodSync(folder, 0o755)
  const port = await unsharedPort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 256; }
     http { access_log off; ${temporary.join(' ')} client_header_timeout 1s;
       server { listen 127.0.0.1:${port};
         location / { proxy_pass http://${instance}; proxy_http_version 1.1; proxy_set_header Connection "";
           proxy_set_header X-Forwarded-For $remote_addr; } } }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], {
    stdio: 'ignore',
    env: { ...process.env, PATH: path },
  })
  const ended = once(child, 'exit')
  onClose(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  await reachable(port)
  return port
}

async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    const socket = connect(port, '127.0.0.1')
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (connected === true) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('nginx did not start')
}
