// Builds the application of the recipe for Nuxt with Nitro and the packed packages, and ends it as a platform does: the plugin of the
// recipe has to close lb. Nuxt itself is not needed, since its server is Nitro.
import { execFile, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What the application has beside the packed packages. */
export const nitroDependencies: Readonly<Record<string, string>> = { nitropack: '2.13.6', undici: '7.30.2' }

/** Reports what a request gets after the plugin of the recipe: Nitro calls plugins in the order of their names. */
const reportAfterClose = `export default defineNitroPlugin(({ hooks }) => {
  hooks.hook('close', () => users('http://user-service/').catch(({ cause }) => console.log('after close: ' + cause.code)))
})
`

/** @param application the folder of an application that has the packages and `nitroDependencies` */
export async function checkNitro(application: string): Promise<void> {
  const recipe = readFileSync(fileURLToPath(new URL('../docs/recipes/nuxt.ts', import.meta.url)), 'utf8')
  const region = (name: string): string => recipe.split(`#region ${name}\n`)[1]?.split('\n// #endregion')[0] ?? ''
  for (const folder of ['utils', 'api', 'plugins']) mkdirSync(join(application, 'server', folder), { recursive: true })
  const write = (file: string, text: string): void => writeFileSync(join(application, file), text)
  write('nitro.config.mjs', "export default { srcDir: 'server', compatibilityDate: '2026-01-01' }\n")
  write('server/utils/users.ts', region('users'))
  write('server/api/profile.get.ts', `${region('handler')}\nexport default profile\n`)
  write('server/plugins/close.ts', `${region('close')}\nexport default close\n`)
  write('server/plugins/report.ts', reportAfterClose)
  const cli = join(application, 'node_modules/nitropack/dist/cli/index.mjs')
  await promisify(execFile)(process.execPath, [cli, 'build'], { cwd: application, timeout: 240_000 })
  const printed = await runUntilAsked(join(application, '.output/server/index.mjs'))
  const expected = ['served by user-service', 'after close: UND_ERR_CLOSED', 'ended with 0']
  if (printed.join() !== expected.join()) throw new Error(`the application with Nitro says ${printed.join()}`)
  process.stdout.write(`an application with Nitro says: ${printed.join(', ')}\n`)
}

/** Starts the server, requests its page, and asks it to end: what it answered and printed, and its exit code. */
async function runUntilAsked(server: string): Promise<string[]> {
  const instance = createServer((_request, response) => response.end('served by user-service')).listen(0, '127.0.0.1')
  await new Promise((resolve) => instance.once('listening', resolve))
  const address = instance.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const env = { ...process.env, USER_SERVICE: `127.0.0.1:${port}`, NITRO_HOST: '127.0.0.1', NITRO_PORT: '0' }
  const child = spawn(process.execPath, [server], { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 })
  const said: string[] = []
  try {
    let text = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      text += chunk
      const url = /^Listening on (http:\S+?)\/?\n/m.exec(text)?.[1]
      if (url === undefined || said.length > 0) continue
      said.push(await (await fetch(`${url}/api/profile`)).text())
      child.kill('SIGTERM')
    }
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve))
    said.push(...(text.match(/^after close: .*$/gm) ?? []), `ended with ${child.exitCode}`)
  } finally {
    instance.closeAllConnections()
    instance.close()
  }
  return said
}
