// Requests to a proxy from a process of their own, so that what they allocate is not counted: `requests.ts PORT`.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'

const program = fileURLToPath(import.meta.url)

/** Makes requests to `port`, one after the other, in another process. */
export async function startRequests(port: number): Promise<(count: number) => Promise<void>> {
  const child = fork(program, [String(port)], { execArgv: [] })
  await once(child, 'message')
  return async (count) => {
    child.send(count)
    await once(child, 'message')
  }
}

if (process.argv[1] === program) {
  const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`)
  process.on('message', (count: number) => void make(count))
  process.on('disconnect', () => process.exit())
  process.send?.('ready')

  async function make(count: number): Promise<void> {
    for (let each = 0; each < count; each++) {
      const { body } = await pool.request({ path: '/small', method: 'GET' })
      await body.dump()
    }
    process.send?.('done')
  }
}
