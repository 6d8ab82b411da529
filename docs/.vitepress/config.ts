import { defineConfig } from 'vitepress'
import { linksToRepository } from './links-to-repository.ts'
import { llmsText } from './llms-text.ts'
import { chinese, english } from './navigation.ts'

// LB_DOCS_BASE: the path under which the site is served, such as /lb/.
export default defineConfig({
  base: process.env['LB_DOCS_BASE'] ?? '/',
  title: 'lb',
  description: 'Client-side load balancing for Node.js',
  cleanUrls: true,
  srcExclude: ['**/node_modules/**'],
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
  buildEnd: llmsText,
})
