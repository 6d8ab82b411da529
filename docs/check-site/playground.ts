import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { readRecording } from '@lb/testing/simulation'
import type { Page } from 'playwright-core'
import { recordedRun } from '../.vitepress/playground/recorded-run.ts'
import { type Settings, scenarioNames, settingsOf } from '../.vitepress/playground/settings.ts'
import { type BuiltSite, dist } from './built-site.ts'

const fragment = 'scenario=grey-failure&balancers=round-robin,least-request&seconds=12&instances=6&weights=3,1'
/** The most that the worker may be, compressed. */
const workerBytes = 100_000

/** The playground gives the same hashes as Node, by keyboard too. `picture`: where one of it goes. */
export async function checkPlayground(site: BuiltSite, picture: string | undefined): Promise<void> {
  const page = await site.open(`/playground#${fragment}`)
  await page.getByText(/^Done/).waitFor({ timeout: 60_000 })
  const settings = settingsOf(fragment)
  const hashes: string[] = []
  for (const balancer of settings.balancers) hashes.push((await recordedRun(settings, balancer)).report.hash)
  site.expect("the playground's hashes", await page.locator('dd:last-of-type').allTextContents(), hashes)
  site.expect('its plots', await page.locator('.uplot canvas').count(), hashes.length)
  const offered = await page.getByLabel('Scenario').locator('option').allTextContents()
  site.expect('its scenarios', offered, scenarioNames)

  await checkRecording(site, page, settings)
  const plotTop = (): Promise<number | undefined> =>
    page
      .locator('.pg-plot')
      .first()
      .boundingBox()
      .then((box) => box?.y)
  const before = await plotTop()
  // Another seed, another run, and a URL that says so.
  await page.getByLabel('Seed').focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await page.getByText('Simulating').waitFor()
  await page.getByText(/^Done/).waitFor({ timeout: 60_000 })
  if (!page.url().includes('seed=2')) site.problems.push(`the playground's settings are not in its URL: ${page.url()}`)
  site.expect('where the plot of another run is', await plotTop(), before)
  if (picture !== undefined) await page.screenshot({ path: picture })
  await page.evaluate('location.hash = "scenario=zone-loss&seconds=2"')
  await page.getByText('Simulating').waitFor()
  site.expect('the scenario of a link', await page.getByLabel('Scenario').inputValue(), 'zone-loss')
  await page.close()

  const still = await site.open('/playground#seconds=2', { reducedMotion: 'reduce' })
  site.expect('buttons for those who prefer no motion', await still.getByRole('button', { name: 'Play' }).count(), 1)
  await still.close()
  await site.checkPhone('/playground#seconds=2')
}

/** A recording that is played in the page has the hashes that it has in Node. */
async function checkRecording(site: BuiltSite, page: Page, settings: Settings): Promise<void> {
  const calls = Array.from({ length: 200 }, (_, index) => {
    return { call: 20 * index, service: 0, ms: 15, attempts: [{ on: index % 2, ms: 15 + (index % 7), status: 200 }] }
  })
  const lines = [
    { recording: 'lb-traffic', version: 1 },
    { service: 0, name: 'users' },
    { instance: 0, service: 0, id: 'a', host: 'a', port: 1 },
    { instance: 1, service: 0, id: 'b', host: 'b', port: 1 },
    { at: 0, service: 0, added: [0, 1] },
    ...calls,
  ]
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  const recording = await readRecording(text)
  const hashes: string[] = []
  for (const balancer of settings.balancers) hashes.push((await recordedRun(settings, balancer, recording)).report.hash)
  const file = page.locator('input[type=file]')
  await file.setInputFiles({ name: 'traffic.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(text) })
  await page.getByText(hashes.at(-1) ?? '').waitFor({ timeout: 60_000 })
  site.expect('the hashes of a recording', await page.locator('dd:last-of-type').allTextContents(), hashes)
  await file.setInputFiles([])
  await page.getByText('Simulating').waitFor()
  await page.getByText(/^Done/).waitFor({ timeout: 60_000 })
}

export function checkWorkerSize(site: BuiltSite): void {
  const assets = join(dist, 'assets')
  const workers = readdirSync(assets).filter((file) => /^worker-[\w-]+\.js$/.test(file))
  site.expect('workers', workers.length, 1)
  for (const file of workers) {
    const { length } = gzipSync(readFileSync(join(assets, file)))
    if (length > workerBytes) site.problems.push(`the worker has ${length} bytes, at most ${workerBytes}`)
  }
}
