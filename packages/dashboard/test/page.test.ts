import { fileURLToPath } from 'node:url'
import { LoadBalancer, StaticDiscovery } from '@lb/core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { binary } from 'test-servers'
import { describeWithServers } from 'test-servers/suites'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DashboardOptions, dashboard } from '../src/index.ts'
import { mounts } from './mounts.ts'
import { closeAll, onClose, serve } from './servers.ts'
import { Shop } from './shop.ts'

// Pictures for the documents: LB_SCREENSHOTS=1 vitest run packages/dashboard/test/page.test.ts
const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url))

/** A page, and what it complained of. */
interface Opened {
  readonly page: Page
  /** Errors, violations of the policy, and requests to other origins. */
  readonly complaints: string[]
}

describeWithServers('the page of the dashboard in Chromium', ['chromium'], () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: binary('chromium'), args: ['--no-sandbox', '--disable-gpu'] })
  })

  afterAll(() => browser.close())

  afterEach(closeAll)

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    onClose(() => context.close())
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(url).host) complaints.push(`requested ${request.url()}`)
    })
    await page.goto(url)
    return { page, complaints }
  }

  async function openShop(
    options: DashboardOptions = {},
    context: BrowserContextOptions = {},
  ): Promise<Opened & { readonly shop: Shop }> {
    const shop = await Shop.open()
    const shown = dashboard(shop.lb, { title: 'Shop gateway', ...options })
    return { shop, ...(await open(`${await serve(shown.handle)}/`, context)) }
  }

  const byAlice: DashboardOptions = { authorize: () => ({ by: 'alice' }) }
  const picture = async (page: Page, name: string): Promise<void> => {
    if (process.env.LB_SCREENSHOTS === '1') await page.screenshot({ path: `${images}dashboard-${name}.png` })
  }

  /** Polls until the others got requests, of which the instance got none. */
  async function expectNoTraffic(shop: Shop, address: string): Promise<void> {
    const others = (): number => shop.addresses.reduce((sum, each) => sum + shop.hits(each), 0)
    const inFlight = (): number | undefined =>
      shop.lb.inspect('user-service').instances.find(({ instance }) => instance.id === address)?.inFlight
    await expect.poll(inFlight).toBe(0)
    const [before, othersBefore] = [shop.hits(address), others()]
    await expect.poll(() => others() - othersBefore).toBeGreaterThan(10)
    expect(shop.hits(address)).toBe(before)
  }

  describe.each(Object.entries(mounts))('mounted by %s', (_name, mount) => {
    it('shows the services, and asks for nothing elsewhere', async () => {
      const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['10.0.0.1:80', '10.0.0.2:80'] }) })
      onClose(() => lb.close())
      await lb.ready('users')
      const { page, complaints } = await open(await mount(dashboard(lb)))
      await page.getByRole('link', { name: 'users' }).click()
      await page.getByText('10.0.0.2:80').waitFor()
      expect(await page.getByText('read only').count()).toBe(1)
      expect(await page.getByRole('button', { name: /Drain/ }).count()).toBe(0)
      expect(complaints).toEqual([])
    })
  })

  it('drains an instance when that is confirmed: its traffic leaves', async () => {
    const { page, shop, complaints } = await openShop(byAlice)
    const [address = ''] = shop.addresses
    await page.getByRole('link', { name: 'user-service' }).click()
    await page.getByRole('button', { name: `Drain ${address}` }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(shop.lb.inspect('user-service').overrides).toEqual([])
    await page.getByRole('button', { name: `Drain ${address}` }).click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page
      .getByText(/drained by alice/)
      .first()
      .waitFor()
    await expectNoTraffic(shop, address)
    await expect
      .poll(() => page.locator('tr', { hasText: address }).locator('[data-label="Attempts/s"]').textContent())
      .not.toBe('0')
    await page.waitForTimeout(process.env.LB_SCREENSHOTS === '1' ? 8_000 : 0)
    await picture(page, 'service')
    await page
      .getByRole('button', { name: `Restore ${address}` })
      .first()
      .click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await expect.poll(() => shop.lb.inspect('user-service').overrides).toEqual([])
    expect(complaints).toEqual([])
  })

  it('sets a weight, asks again for one that is none, and asks for a token where one is needed', async () => {
    const { page, shop, complaints } = await openShop({
      authorize: ({ header }) => (header('authorization') === 'Bearer s3cret' ? { by: 'alice' } : false),
    })
    const [address = ''] = shop.addresses
    await page.getByRole('link', { name: 'user-service' }).click()
    await page.getByRole('button', { name: `Weight ${address}` }).click()
    await page.getByRole('dialog').getByLabel('Weight').fill('-1')
    await page.getByRole('button', { name: 'Confirm' }).click()
    expect(await page.getByRole('dialog').isVisible()).toBe(true)
    await page.getByRole('dialog').getByLabel('Weight').fill('2.5')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText('Say who you are').waitFor()
    await page.getByLabel('Token').fill('s3cret')
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(shop.lb.inspect('user-service').overrides).toMatchObject([{ kind: 'weight', weight: 2.5, by: 'alice' }])
    // The browser says so of each 401.
    expect(complaints).toEqual([expect.stringContaining('401')])
  })

  it('is used by keyboard alone', async () => {
    const { page, shop, complaints } = await openShop(byAlice)
    const focused = async (): Promise<string> => {
      const names = await page
        .locator(':focus')
        .evaluateAll((elements) => elements.map((each) => each.getAttribute('aria-label') ?? each.textContent))
      return names[0] ?? ''
    }
    const tabTo = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 60 && (await focused()).trim() !== name; presses++)
        await page.keyboard.press('Tab')
      expect((await focused()).trim()).toBe(name)
    }
    await page.getByRole('link', { name: 'user-service' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('Skip to content')
    await tabTo('user-service')
    await page.keyboard.press('Enter')
    const [address = ''] = shop.addresses
    await page.getByRole('button', { name: `Drain ${address}` }).waitFor()
    await tabTo(`Drain ${address}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await focused()).toBe(`Drain ${address}`)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await tabTo('Confirm')
    await page.keyboard.press('Enter')
    await expectNoTraffic(shop, address)
    expect(complaints).toEqual([])
  })

  it('asks once more as soon as a dialog was cancelled', async () => {
    const { page, shop } = await openShop(byAlice)
    await page.goto(new URL('#/services/user-service', page.url()).href)
    const [address = ''] = shop.addresses
    await page.getByRole('button', { name: `Drain ${address}` }).click()
    await page.getByRole('dialog').waitFor()
    // Before the browser emits the `close` of the first one.
    const name = JSON.stringify(`[aria-label="Drain ${address}"]`)
    await page.evaluate(`document.querySelector('dialog').close(); document.querySelector(${name}).click()`)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await expectNoTraffic(shop, address)
  })

  it.each([
    ['light', 'rgb(255, 255, 255)'],
    ['dark', 'rgb(18, 21, 26)'],
  ] as const)('fits a phone, %s', async (colorScheme, background) => {
    const viewport = { width: 390, height: 844 }
    const { page, shop, complaints } = await openShop(byAlice, { colorScheme, viewport, hasTouch: true })
    await shop.order()
    for (const place of ['#/', '#/events', '#/calls', '#/services/user-service']) {
      await page.goto(new URL(place, page.url()).href)
      await page.locator('main table, main .events').first().waitFor()
      const excess = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
      expect({ place, excess: await page.evaluate(excess) }).toEqual({ place, excess: 0 })
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(background)
      for (const button of await page.locator('main button:visible').all()) {
        expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(40)
      }
    }
    if (colorScheme === 'dark') await picture(page, 'phone')
    expect(complaints).toEqual([])
  })

  it('shows each event as it happens, and only those that are asked for', async () => {
    const { page, shop, complaints } = await openShop()
    const [first = '', second = ''] = shop.addresses
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByText('live').waitFor()
    shop.lb.control('user-service', { by: 'bob' }).setWeight(first, 3)
    await page.getByText('override-changed').waitFor()
    await picture(page, 'events')
    await page.getByLabel('Type').fill('instances-changed')
    await page.getByLabel('Type').press('Enter')
    await page.getByText('override-changed').waitFor({ state: 'hidden' })
    await page.getByLabel('Type').fill('')
    await page.getByLabel('Type').press('Enter')
    await page.getByLabel('From level').selectOption('debug')
    await page.getByText('request-finished').first().waitFor()
    shop.lb.control('user-service', { by: 'bob' }).drain(second)
    await page.getByText('change=drained').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('paused').waitFor()
    expect(complaints).toEqual([])
  })

  it('tells the story of a call that failed', async () => {
    const { page, shop, complaints } = await openShop()
    await shop.order()
    await page.getByRole('link', { name: 'Failed calls' }).click()
    await page
      .getByRole('row', { name: /order-service/ })
      .getByRole('link')
      .first()
      .click()
    await page.getByText('1. first on').waitFor()
    expect(await page.getByText('2. retry on').count()).toBe(1)
    expect(await page.getByText(/fetch failed/).count()).toBeGreaterThan(1)
    await picture(page, 'call')
    expect(complaints).toEqual([])
  })

  it('counts an ejection down', async () => {
    const { page, shop, complaints } = await openShop(byAlice)
    const [address = ''] = shop.addresses
    shop.fail(address)
    await page.getByRole('link', { name: 'user-service' }).click()
    await page.getByText(/\d+ s left/).waitFor()
    await page.getByRole('button', { name: `End ejection ${address}` }).click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(complaints).toEqual([])
  })

  it('shows names of others as text', async () => {
    const hostile = '<img src=x onerror=alert(1)>'
    const lb = new LoadBalancer({
      discovery: new StaticDiscovery({
        [hostile]: [{ host: '10.0.0.1', port: 80, id: hostile, zone: hostile, metadata: { [hostile]: hostile } }],
      }),
    })
    onClose(() => lb.close())
    await lb.ready(hostile)
    const { page, complaints } = await open(`${await serve(dashboard(lb, { title: hostile, ...byAlice }).handle)}/`)
    await page.getByRole('link', { name: hostile }).click()
    await page.getByText(`${hostile}=${hostile}`).waitFor()
    await page.getByRole('button', { name: `Drain ${hostile}` }).click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page
      .getByText(/drained by alice/)
      .first()
      .waitFor()
    await page.getByRole('link', { name: 'Events', exact: true }).click()
    await page.getByText('override-changed').waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(complaints).toEqual([])
  })

  it('stays quick with 10 000 instances, a page at a time', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}:80`)
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ many }) })
    onClose(() => lb.close())
    await lb.ready('many')
    const { page } = await open(`${await serve(dashboard(lb).handle)}/`)
    await page.getByText('10000 / 10000').waitFor()
    await page.getByRole('link', { name: 'many' }).click()
    await page.getByText('1–50 of 10000').waitFor()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByText('51–100 of 10000').waitFor()
    expect(await page.locator('tbody tr').count()).toBe(50)
  })

  it('says what is wrong where the slash is missing behind a proxy, or the API is not passed on', async () => {
    const lb = new LoadBalancer({ discovery: new StaticDiscovery({ users: ['10.0.0.1:80'] }) })
    onClose(() => lb.close())
    const shown = dashboard(lb)
    const stripping = await serve((request, response) => {
      if (request.url !== '/lb') return response.writeHead(404).end()
      shown.handle(Object.assign(request, { url: '/' }), response)
    })
    const slashless = await open(`${stripping}/lb`)
    await slashless.page.getByText('has to end with a slash').waitFor()
    const withoutApi = await serve((request, response) => {
      if (request.url?.includes('/api/')) return response.writeHead(502).end('<h1>no</h1>')
      shown.handle(request, response)
    })
    const { page } = await open(`${withoutApi}/`)
    await page.getByText(/responded with 502 and no JSON/).waitFor()
  })

  it('keeps what it knew, and says so, when the load balancer is closed', async () => {
    const { page, shop } = await openShop()
    await page.getByRole('link', { name: 'user-service' }).waitFor()
    await shop.lb.close()
    await page.getByText(/was closed/).waitFor()
    expect(await page.getByRole('link', { name: 'user-service' }).isVisible()).toBe(true)
  })
})
