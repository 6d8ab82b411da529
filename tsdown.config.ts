import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type UserConfig } from 'tsdown'
import { pageFilesPlugin } from './packages/dashboard/build/page-files-plugin.ts'
import { droppableValues } from './scripts/droppable-values.ts'

/** One build for every package: ESM and CommonJS with types for both. `tsdown` runs in the package's folder. */
const common: UserConfig = {
  cwd: process.cwd(),
  // The entry points of a package: `.` and, where there are any, its subpaths and its command.
  entry: ['src/{index,authoring,simulation,suites,lb}.ts'],
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  target: 'node20',
  fixedExtension: false,
  tsconfig: fileURLToPath(new URL('./tsconfig.build.json', import.meta.url)),
  plugins: [droppableValues()],
}

/** As ES modules, each entry of core is one file that imports nothing, so that it runs wherever one module can be loaded. */
const core: UserConfig[] = [
  { ...common, format: 'cjs' },
  { ...common, format: 'esm', dts: { emitDtsOnly: true } },
  ...['index', 'authoring'].map((entry): UserConfig => {
    return { ...common, format: 'esm', entry: [`src/${entry}.ts`], dts: false }
  }),
]

/** The page of the dashboard is bundled into its package. */
const dashboard: UserConfig = { ...common, plugins: [pageFilesPlugin(), droppableValues()] }

const own: Readonly<Record<string, UserConfig | UserConfig[]>> = { core, dashboard }

export default defineConfig(own[basename(process.cwd())] ?? common)
