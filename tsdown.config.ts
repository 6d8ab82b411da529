import { fileURLToPath } from 'node:url'
import { defineConfig } from 'tsdown'

/** One build for every package: ESM and CommonJS with types for both. `tsdown` runs in the package's folder. */
export default defineConfig({
  cwd: process.cwd(),
  // The entry points of a package: `.` and, where there are any, its subpaths.
  entry: ['src/{index,authoring,suites}.ts'],
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  target: 'node20',
  fixedExtension: false,
  tsconfig: fileURLToPath(new URL('./tsconfig.build.json', import.meta.url)),
})
