// Builds the application of the recipe for Next with the packed packages, and runs it: its route handler and its server components have
// to lose no request when an instance dies.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { countCalls, startInstances } from '../docs/recipes/instances.ts'

/** What the application has beside the packed packages. */
export const nextDependencies: Readonly<Record<string, string>> = {
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  undici: '7.30.2',
  typescript: '6.0.3',
  '@types/node': '26.6.6',
  '@types/react': '19.3.3',
}

/** A route handler, a server component that uses `createFetch`, and one that uses the global `fetch`. */
const pages: readonly string[] = ['api/profile', 'profile', 'greeting']

/** @param application the folder of an application that has the packages and `nextDependencies` */
export async function checkNext(application: string): Promise<void> {
  writeApplication(application)
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
  const cli = join(application, 'node_modules/next/dist/bin/next')
  await promisify(execFile)(process.execPath, [cli, 'build'], { cwd: application, env, timeout: 600_000 })
  const instances = await startInstances('first', 'second')
  const USER_SERVICE = instances.map(({ address }) => address).join()
  const args = [cli, 'start', '--hostname', '127.0.0.1', '--port', '0']
  const child = spawn(process.execPath, args, {
    cwd: application,
    env: { ...env, USER_SERVICE },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 300_000,
  })
  try {
    const url = await urlOf(child.stdout)
    const counted: string[] = []
    for (const died of [false, true]) {
      if (died) await instances[0]?.stop()
      for (const page of pages) counted.push(`/${page} ${await countCalls(10, () => instanceOf(`${url}/${page}`))}`)
    }
    const both = pages.map((page) => `/${page} first 5, second 5`)
    const survivor = pages.map((page) => `/${page} second 10`)
    if (counted.join() !== [...both, ...survivor].join())
      throw new Error(`the application with Next says ${counted.join('; ')}`)
    process.stdout.write(`an application with Next says: ${counted.join('; ')}\n`)
  } finally {
    child.kill()
    await Promise.all(instances.map((instance) => instance.stop()))
  }
}

function writeApplication(application: string): void {
  const recipe = readFileSync(fileURLToPath(new URL('../docs/recipes/next.ts', import.meta.url)), 'utf8')
  const region = (name: string): string => recipe.split(`#region ${name}\n`)[1]?.split('\n// #endregion')[0] ?? ''
  for (const page of pages) mkdirSync(join(application, 'app', page), { recursive: true })
  const write = (file: string, text: string): void => writeFileSync(join(application, file), `${text}\n`)
  write('users.ts', region('users'))
  write('instrumentation.ts', `import { lb } from './users'\n${region('instrumentation')}`)
  write('app/layout.jsx', 'export default ({ children }) => <html><body>{children}</body></html>')
  write('app/api/profile/route.ts', `import { users } from '../../../users'\n${region('route')}`)
  const dynamic = "export const dynamic = 'force-dynamic'"
  write(
    'app/profile/page.ts',
    `import { users } from '../../users'\n${dynamic}\n${region('component')}\nexport default Profile`,
  )
  write('app/greeting/page.ts', `${dynamic}\n${region('fetch')}\nexport default Greeting`)
}

/** Where Next listens, which it prints. */
function urlOf(output: Readable): Promise<string> {
  let text = ''
  return new Promise((resolve, reject) => {
    output.on('data', (chunk) => {
      text += chunk
      const url = /(http:\/\/127\.0\.0\.1:\d+)[\s\S]*Ready/.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
    output.once('end', () => reject(new Error(`Next does not start: ${text}`)))
  })
}

/** Which instance served a page: the page has what it answered. */
async function instanceOf(page: string): Promise<string> {
  const text = await (await fetch(page)).text()
  return /\b(?:first|second)\b/.exec(text)?.[0] ?? text
}
