// Opens the built site in Chromium: every kind of page, and the playground, which has to give the same hash as Node. --screenshots writes
// the pictures of the documents.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { recordedRun } from './.vitepress/playground/recorded-run.ts'
import { settingsOf } from './.vitepress/playground/settings.ts'

const executablePath = process.env['LB_CHROMIUM'] ?? '/usr/bin/chromium'
if (!existsSync(executablePath)) {
  console.log(`NOT RUN: there is no ${executablePath}; scripts/install-test-servers.sh installs Chromium`)
  process.exit(process.env['CI'] === undefined ? 0 : 1)
}

const dist = join(import.meta.dirname, '.vitepress/dist')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

// As a static host does with clean URLs.
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname))
  for (const file of [path, `${path}.html`, join(path, 'index.html')]) {
    const content = await readFile(join(dist, file)).catch(() => undefined)
    if (content === undefined) continue
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(content)
    return
  }
  response.writeHead(404).end()
}

const server = createServer((request, response) => void serve(request, response))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const problems: string[] = []

async function opened(browser: Browser, path: string, width = 1_280): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 900 } })
  page.on('pageerror', (error) => problems.push(`${path}: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${path}: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !/^(?:data|blob):/.test(request.url()))
      problems.push(`${path} asks ${request.url()}`)
  })
  const response = await page.goto(origin + path, { waitUntil: 'networkidle' })
  if (response?.status() !== 200) problems.push(`${path}: ${response?.status()}`)
  return page
}

async function checkPages(browser: Browser): Promise<void> {
  for (const path of [
    '/',
    '/learn/',
    '/learn/02-with-lb',
    '/compare',
    '/reference/options',
    '/reference/api/core',
    '/zh/',
    '/zh/learn/04-retries',
  ]) {
    const page = await opened(browser, path)
    if ((await page.locator('h1').count()) === 0) problems.push(`${path} has no heading`)
    await page.close()
  }
}

/** The search works without a server of anybody. */
async function checkSearch(browser: Browser): Promise<void> {
  const page = await opened(browser, '/learn/')
  await page.getByRole('button', { name: 'Search' }).first().click()
  await page.locator('#localsearch-input').fill('ejection')
  await page.locator('#localsearch-list a').first().waitFor()
  await page.close()
}

async function checkPlayground(browser: Browser): Promise<void> {
  const fragment = 'scenario=grey-failure&balancers=round-robin,least-request&seconds=12&instances=6&weights=3,1'
  const page = await opened(browser, `/playground#${fragment}`)
  await page.getByText(/^Done/).waitFor({ timeout: 60_000 })
  const shown = await page.locator('dd:last-of-type').allTextContents()
  const settings = settingsOf(fragment)
  const expected: string[] = []
  for (const balancer of settings.balancers) expected.push((await recordedRun(settings, balancer)).report.hash)
  if (shown.join() !== expected.join())
    problems.push(`the playground's hashes are ${shown.join()}, those of Node ${expected.join()}`)
  // By keyboard: another seed, another run, and a URL that says so.
  await page.getByLabel('Seed').focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await page.getByText(/^Done/).waitFor({ timeout: 60_000 })
  if (!page.url().includes('seed=2'))
    problems.push(`the URL of the playground does not hold its settings: ${page.url()}`)
  if (process.argv.includes('--screenshots'))
    await page.screenshot({ path: join(import.meta.dirname, 'images/playground.png') })
  await page.close()
  const phone = await opened(browser, '/playground#seconds=2', 380)
  const overflow = await phone.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  if (Number(overflow) > 0) problems.push(`the playground is ${Number(overflow)} pixels too wide for a phone`)
  await phone.close()
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  await checkPages(browser)
  await checkSearch(browser)
  await checkPlayground(browser)
} finally {
  await browser.close()
  server.close()
}
for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'the site is well' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
