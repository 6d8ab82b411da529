import type { BuiltSite } from './built-site.ts'

/** One of each kind. */
const paths = [
  '/',
  '/learn/',
  '/learn/02-with-lb',
  '/compare',
  '/recipes/',
  '/recipes/rolling-deploy',
  '/how-to/http-clients',
  '/reference/options',
  '/reference/api/core',
  '/zh/',
  '/zh/learn/04-retries',
]

export async function checkPages(site: BuiltSite): Promise<void> {
  for (const path of paths) {
    const page = await site.open(path)
    if ((await page.locator('h1').count()) === 0) site.problems.push(`${path} has no heading`)
    await page.close()
  }
}

/** The search works without any server. */
export async function checkSearch(site: BuiltSite): Promise<void> {
  const page = await site.open('/learn/')
  await page.getByRole('button', { name: 'Search' }).first().click()
  await page.locator('#localsearch-input').fill('ejection')
  await page.locator('#localsearch-list a').first().waitFor()
  await page.close()
}
