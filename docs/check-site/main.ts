// Opens the built site in Chromium: every kind of page, the pictures, and the playground, which has to give the same hash as Node.
// --screenshots writes the picture of the documents; --pictures FOLDER writes those of the balancers.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { BuiltSite } from './built-site.ts'
import { checkPages, checkSearch } from './pages.ts'
import { checkPictures } from './pictures.ts'
import { checkPlayground, checkWorkerSize } from './playground.ts'

const { values } = parseArgs({ options: { screenshots: { type: 'boolean' }, pictures: { type: 'string' } } })
const executablePath = process.env.LB_CHROMIUM ?? '/usr/bin/chromium'
if (!existsSync(executablePath)) {
  console.log(`NOT RUN: there is no ${executablePath}; scripts/install-test-servers.sh installs Chromium`)
  process.exit(process.env.CI === undefined ? 0 : 1)
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
const site = await BuiltSite.serve(browser)
try {
  await checkPages(site)
  await checkSearch(site)
  await checkPictures(site, values.pictures)
  const image = join(import.meta.dirname, '../images/playground.png')
  await checkPlayground(site, values.screenshots === true ? image : undefined)
  checkWorkerSize(site)
} finally {
  await browser.close()
  site.close()
}
for (const problem of site.problems) console.error(problem)
console.log(site.problems.length === 0 ? 'the site is well' : `${site.problems.length} problems`)
process.exitCode = site.problems.length === 0 ? 0 : 1
