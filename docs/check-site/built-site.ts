import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Browser, Page } from 'playwright-core'

export const dist: string = join(import.meta.dirname, '../.vitepress/dist')

/** The path under which the site was built, such as `/lb/`. */
const base = process.env.LB_DOCS_BASE ?? '/'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** How a page is opened. */
export interface View {
  readonly width?: number
  readonly reducedMotion?: 'reduce'
}

/** The built site, served as a static host does with clean URLs, in a browser; and what is wrong with it. */
export class BuiltSite {
  readonly problems: string[] = []
  readonly #browser: Browser
  readonly #server: Server
  readonly #origin: string

  static async serve(browser: Browser): Promise<BuiltSite> {
    const server = createServer((request, response) => void respond(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new BuiltSite(browser, server)
  }

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser
    this.#server = server
    this.#origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Opens a page. Its errors, and requests to anywhere else, are problems. */
  async open(path: string, { width = 1_280, reducedMotion }: View = {}): Promise<Page> {
    const page = await this.#browser.newPage({ viewport: { width, height: 900 }, reducedMotion: reducedMotion ?? null })
    page.on('pageerror', (error) => this.problems.push(`${path}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(`${path}: ${message.text()}`)
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(this.#origin + base) && !/^(?:data|blob):/.test(request.url()))
        this.problems.push(`${path} asks ${request.url()}`)
    })
    const url = this.#origin + base + path.replace(/^\//, '')
    const response = await page.goto(url, { waitUntil: 'networkidle' })
    if (response?.status() !== 200) this.problems.push(`${path}: ${response?.status()}`)
    return page
  }

  /** Opens a page as a phone does: nothing may be wider than it. */
  async checkPhone(path: string): Promise<void> {
    const page = await this.open(path, { width: 380 })
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    if (Number(overflow) > 0) this.problems.push(`${path} is ${Number(overflow)} pixels too wide for a phone`)
    await page.close()
  }

  /** A problem, unless `actual` is `expected`. */
  expect(what: string, actual: unknown, expected: unknown): void {
    const [shown, wanted] = [actual, expected].map((value) => JSON.stringify(value))
    if (shown !== wanted) this.problems.push(`${what}: ${shown} instead of ${wanted}`)
  }

  close(): void {
    this.#server.close()
  }
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://site')
  const path = normalize(decodeURIComponent(pathname.slice(base.length - 1)))
  for (const file of pathname.startsWith(base) ? [path, `${path}.html`, join(path, 'index.html')] : []) {
    const content = await readFile(join(dist, file)).catch(() => undefined)
    if (content === undefined) continue
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' }).end(content)
    return
  }
  response.writeHead(404).end()
}
