// Bundles the page when `src/page-files.ts` is loaded, by the build and by vitest alike: no test runs on a stale bundle.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'vite'
import type { VitestPluginContext } from 'vitest/node'

const source = fileURLToPath(new URL('../page', import.meta.url))
const target = fileURLToPath(new URL('../src/page-files.ts', import.meta.url))

interface File {
  readonly name: string
  readonly type: string
  readonly text: string
}

/** The script and the style of the page, in one file each. */
async function bundle(): Promise<readonly File[]> {
  const built = await build({
    configFile: false,
    root: source,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      target: 'es2022',
      cssCodeSplit: false,
      lib: { entry: 'main.tsx', formats: ['es'], fileName: 'page', cssFileName: 'page' },
      minify: true,
    },
  })
  const { output } = [built].flat()[0] as { output: readonly { fileName: string; code?: string; source?: unknown }[] }
  return output.map(({ fileName, code, source: asset }) => {
    const isScript = code !== undefined
    return {
      name: isScript ? 'page.js' : fileName,
      type: isScript ? 'text/javascript' : 'text/css',
      text:
        code === undefined ? String(asset) : `/*! With Preact, © 2015-present Jason Miller, MIT licence */\n${code}`,
    }
  })
}

async function pageFiles(): Promise<{ html: string; assets: Record<string, Omit<File, 'name'>> }> {
  const icon = { name: 'icon.svg', type: 'image/svg+xml', text: readFileSync(`${source}/icon.svg`, 'utf8') }
  const files = [...(await bundle()), icon]
  let html = readFileSync(`${source}/index.html`, 'utf8')
  const assets: Record<string, Omit<File, 'name'>> = {}
  for (const { name, type, text } of files) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 12)
    const hashed = name.replace('.', `-${hash}.`)
    html = html.replace(`assets/${name}`, `assets/${hashed}`)
    assets[hashed] = { type: `${type}; charset=utf-8`, text }
  }
  return { html, assets }
}

/** Puts the bundle in place of what is in `src/page-files.ts`. */
export function pageFilesPlugin(): Pick<Plugin, 'name' | 'load'> & {
  configureVitest(context: Pick<VitestPluginContext, 'defineCacheKeyGenerator'>): void
} {
  let files: ReturnType<typeof pageFiles> | undefined
  return {
    name: 'lb-dashboard-page-files',
    // Vitest keeps modules between runs as long as their own file is the same. That of the page always is.
    configureVitest({ defineCacheKeyGenerator }) {
      defineCacheKeyGenerator(({ id }) => (id.split('?', 1)[0] === target ? false : undefined))
    },
    async load(id) {
      if (id.split('?', 1)[0] !== target) return undefined
      files ??= pageFiles()
      const before = readFileSync(target, 'utf8')
      return `${before.slice(0, before.indexOf('export const pageFiles'))}export const pageFiles: PageFiles = ${JSON.stringify(await files)}\n`
    },
  }
}
