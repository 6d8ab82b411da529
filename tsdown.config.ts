import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'tsdown'

const manifest: { readonly exports: object } = JSON.parse(readFileSync('package.json', 'utf8'))
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')

/** One build for every package: ESM and CommonJS with types for both. `tsdown` runs in the package's folder. */
export default defineConfig({
  cwd: process.cwd(),
  // `.` is built from src/index.ts, `./suites` from src/suites.ts.
  entry: subpaths.map((subpath) => `src/${subpath === '.' ? 'index' : subpath.slice(2)}.ts`),
  format: ['esm', 'cjs'],
  dts: true,
  sourcemap: true,
  target: 'node20',
  fixedExtension: false,
  tsconfig: fileURLToPath(new URL('./tsconfig.build.json', import.meta.url)),
})
