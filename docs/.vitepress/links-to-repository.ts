import { dirname, join, normalize } from 'node:path/posix'
import type { MarkdownRenderer } from 'vitepress'

const repository = 'https://github.com/lb-js/lb/blob/main/'

/** Links of pages to files outside of `docs/`, which the site does not have, lead to the repository. */
export function linksToRepository(md: MarkdownRenderer): void {
  md.core.ruler.push('links-to-repository', ({ tokens, env }) => {
    // The title of a page is rendered too, without its page.
    if (env.relativePath === undefined) return
    const folder = join(
      'docs',
      dirname(env.relativePath === 'decisions/index.md' ? 'decisions/README.md' : env.relativePath),
    )
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (href === null || !/^\.\.?\//.test(href)) continue
      const target = normalize(join(folder, href))
      if (!target.startsWith('docs/')) token.attrSet('href', repository + target)
    }
  })
}
