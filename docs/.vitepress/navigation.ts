import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'

const docs = join(import.meta.dirname, '..')

/** The pages of a folder, in the order of their file names, by their titles. */
function pagesOf(folder: string): DefaultTheme.SidebarItem[] {
  return readdirSync(join(docs, folder))
    .filter((file) => file.endsWith('.md') && file !== 'index.md' && file !== 'README.md')
    .sort()
    .map((file) => {
      const [, title = file] = /^# (.+)$/m.exec(readFileSync(join(docs, folder, file), 'utf8')) ?? []
      return { text: title, link: `/${folder}/${file.slice(0, -'.md'.length)}` }
    })
}

const api: DefaultTheme.SidebarItem = {
  text: 'API',
  collapsed: true,
  link: '/reference/api/',
  items: pagesOf('reference/api'),
}

export const english: DefaultTheme.Config = {
  nav: [
    { text: 'Learn', link: '/learn/' },
    { text: 'Recipes', link: '/recipes/' },
    { text: 'Reference', link: '/reference/options' },
    { text: 'Playground', link: '/playground' },
    { text: 'Compare', link: '/compare' },
  ],
  sidebar: [
    { text: 'Learn', link: '/learn/', items: pagesOf('learn') },
    { text: 'How to', collapsed: true, items: pagesOf('how-to') },
    { text: 'Recipes', collapsed: true, link: '/recipes/', items: pagesOf('recipes') },
    {
      text: 'Reference',
      collapsed: true,
      items: [
        ...pagesOf('reference'),
        { text: 'Error codes', link: '/errors' },
        { text: 'Glossary', link: '/glossary' },
        api,
      ],
    },
    {
      text: 'Explanation',
      collapsed: true,
      items: [
        ...pagesOf('explanation'),
        { text: 'Decisions', collapsed: true, link: '/decisions/', items: pagesOf('decisions') },
      ],
    },
    { text: 'Compare', link: '/compare' },
    { text: 'Migrate', link: '/migrate' },
    { text: 'Troubleshoot', link: '/troubleshooting' },
  ],
}

export const chinese: DefaultTheme.Config = {
  nav: [{ text: '学习', link: '/zh/learn/' }],
  sidebar: [{ text: '学习', link: '/zh/learn/', items: pagesOf('zh/learn') }],
  outlineTitle: '本页内容',
  docFooter: { prev: '上一页', next: '下一页' },
  darkModeSwitchLabel: '外观',
  sidebarMenuLabel: '菜单',
  returnToTopLabel: '返回顶部',
}
