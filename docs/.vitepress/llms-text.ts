import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SiteConfig } from 'vitepress'

/** Writes llms.txt: every page with its title, for programs that read the site. */
export async function llmsText({ pages, srcDir, outDir, site }: SiteConfig): Promise<void> {
  const lines = await Promise.all(
    pages.toSorted().map(async (page) => {
      const [, title = page] = /^# (.+)$/m.exec(await readFile(join(srcDir, page), 'utf8')) ?? []
      const path = page.replace(/(?:README|index)\.md$/, '').replace(/\.md$/, '')
      return `- [${title}](${site.base}${path})`
    }),
  )
  await writeFile(join(outDir, 'llms.txt'), `# ${site.title}\n\n> ${site.description}\n\n${lines.join('\n')}\n`)
}
