// The proxies, each in a process of its own: nginx, and the contenders.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { freePorts, startNginx } from '../backends.ts'

/** A proxy under test. */
export interface RunningProxy {
  readonly port: number
  /** CPU time it used so far, in microseconds. */
  cpuUs(): Promise<number>
  stop(): Promise<void>
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
