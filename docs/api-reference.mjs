// Writes the API of every package as Markdown into reference/api, one page for each package.
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Application } from 'typedoc'

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url))
const packages = readdirSync(path('../packages')).filter((name) => existsSync(path(`../packages/${name}/src/index.ts`)))

const app = await Application.bootstrapWithPlugins({
  name: 'API',
  entryPoints: packages.map((name) => path(`../packages/${name}/src/index.ts`)),
  tsconfig: path('tsconfig.json'),
  plugin: ['typedoc-plugin-markdown'],
  out: path('reference/api'),
  readme: 'none',
  entryFileName: 'index',
  router: 'module',
  excludeExternals: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
  sanitizeComments: true,
  // The gate `types` checks them, with another version of TypeScript.
  skipErrorChecking: true,
  logLevel: 'Warn',
})
const project = await app.convert()
if (project === undefined) throw new Error('TypeDoc gave no project')
for (const each of project.children ?? []) each.name = each.name.replace(/\/src$/, '')
await app.generateOutputs(project)
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1
