import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { linksToRepository } from './links-to-repository.ts'
import { llmsText } from './llms-text.ts'
import { chinese, english } from './navigation.ts'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

/** The path under which the site is served, such as /lb/. */
const base = process.env['LB_DOCS_BASE'] ?? '/'

export default defineConfig({
  base,
  head: [['link', { rel: 'icon', href: `${base}favicon.svg` }]],
  title: 'lb',
  description: 'Client-side load balancing for Node.js',
  cleanUrls: true,
  // The tables are parts of pages.
  srcExclude: ['**/node_modules/**', 'explanation/tables/**'],
  rewrites: { 'decisions/README.md': 'decisions/index.md' },
  // A dead link fails the build.
  ignoreDeadLinks: false,
  markdown: { config: linksToRepository },
  locales: {
    root: { label: 'English', lang: 'en', themeConfig: english },
    zh: { label: '简体中文', lang: 'zh-CN', description: 'Node.js 的客户端负载均衡', themeConfig: chinese },
  },
  themeConfig: {
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/lb-js/lb' }],
  },
  // The sources: a build of the packages is not needed.
  vite: {
    resolve: {
      alias: [
        { find: /^@lb\/([a-z-]+)$/, replacement: `${packages}/$1/src/index.ts` },
        { find: /^@lb\/([a-z-]+)\/([a-z-]+)$/, replacement: `${packages}/$1/src/$2.ts` },
      ],
    },
    // Private members as they are: translated, they would be slower and twice as long.
    build: { target: 'es2022', chunkSizeWarningLimit: 800 },
    esbuild: { target: 'es2022' },
    worker: { format: 'es' },
  },
  buildEnd: llmsText,
})
