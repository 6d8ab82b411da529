import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SiteConfig } from 'vitepress'

/** The headings of llms.txt, in their order, each with the pages below it. What a reader can skip is under "Optional". */
const sections: readonly { readonly heading: string; readonly pages: RegExp }[] = [
  { heading: 'Learn', pages: /^learn\// },
  { heading: 'How to', pages: /^how-to\// },
  { heading: 'Recipes', pages: /^recipes\// },
  { heading: 'Reference', pages: /^(?:reference\/|errors\.|glossary\.)/ },
  { heading: 'Explanation', pages: /^explanation\// },
  { heading: '中文', pages: /^zh\// },
  { heading: 'Optional', pages: /^decisions\// },
]

/** Writes llms.txt: every page with its title, for programs that read the site. */
export async function llmsText({ pages, srcDir, outDir, site }: SiteConfig): Promise<void> {
  const lineOf = async (page: string): Promise<string> => {
    const [, title = page] = /^# (.+)$/m.exec(await readFile(join(srcDir, page), 'utf8')) ?? []
    const path = page.replace(/(?:README|index)\.md$/, '').replace(/\.md$/, '')
    return `- [${title}](${site.base}${path})`
  }
  const listOf = async (listed: readonly string[]): Promise<string> => {
    return (await Promise.all(listed.toSorted().map(lineOf))).join('\n')
  }
  const others = pages.filter((page) => sections.every((section) => !section.pages.test(page)))
  const blocks = [`# ${site.title}`, `> ${site.description}`, await listOf(others)]
  for (const section of sections)
    blocks.push(`## ${section.heading}`, await listOf(pages.filter((page) => section.pages.test(page))))
  await writeFile(join(outDir, 'llms.txt'), `${blocks.join('\n\n')}\n`)
}
