import type { Locator, Page } from 'playwright-core'
import type { BuiltSite } from './built-site.ts'

const path = '/explanation/balancers'

/** The pictures of the balancers, by keyboard: they show what the balancers do, and nothing on the page moves. */
export async function checkPictures(site: BuiltSite, folder: string | undefined): Promise<void> {
  const page = await site.open(path)
  const figures = page.locator('figure.lb-picture')
  const places = (): Promise<unknown> =>
    page.evaluate('Array.from(document.querySelectorAll("figure"), (each) => each.getBoundingClientRect().y + scrollY)')
  const before = await places()
  await checkSequence(site, page)
  await checkChoices(site, page)
  await checkProbing(site, page)
  await checkHashing(site, page)
  site.expect('where the pictures are', await places(), before)
  if (folder !== undefined) await screenshots(figures, folder)
  await page.close()

  const still = await site.open(path, { reducedMotion: 'reduce' })
  const transition = await still.evaluate('getComputedStyle(document.querySelector(".lb-bar span")).transitionDuration')
  site.expect('how long bars move for those who prefer no motion', transition, '0s')
  await still.close()
  await site.checkPhone(path)
}

function pictureOf(page: Page, label: RegExp): Locator {
  return page.getByRole('figure', { name: label })
}

/** Presses a button of a picture by keyboard, and gives what the picture says then. */
async function press(picture: Locator, name: string, times = 1): Promise<string> {
  const button = picture.getByRole('button', { name, exact: true })
  for (let time = 0; time < times; time++) await button.press('Enter')
  return captionOf(picture)
}

async function captionOf(picture: Locator): Promise<string> {
  return (await picture.locator('figcaption').textContent()) ?? ''
}

async function checkSequence(site: BuiltSite, page: Page): Promise<void> {
  const picture = pictureOf(page, /smooth weighted/)
  const cells = (): Promise<string[]> => picture.getByRole('listitem').allTextContents()
  site.expect("nginx's sequence", (await cells()).join(' '), 'a a b a c a a')
  const said = await press(picture, 'Next pick', 7)
  site.expect('a turn', said, 'Pick 7 of 7 is a. So far: a 5, b 1, c 1.')
  await press(picture, 'More weight for b')
  site.expect('a turn with another weight', (await cells()).length, 8)
}

async function checkChoices(site: BuiltSite, page: Page): Promise<void> {
  const said = await press(pictureOf(page, /two balancers/), 'Next step', 100)
  const [, random = 0, two = 0] = /has (\d+) requests at random, and (\d+) by/.exec(said)?.map(Number) ?? []
  if (!(random > 2 * two)) site.problems.push(`two choices are to be better than one: ${said}`)
}

async function checkProbing(site: BuiltSite, page: Page): Promise<void> {
  const picture = pictureOf(page, /asks and picks/)
  await press(picture, 'Next call', 3)
  await picture.getByText('Picked').waitFor()
  const said = await captionOf(picture)
  const asked = Array.from(said.matchAll(/([a-j]) (\d)/g), ([, id, load]) => ({ id, load: Number(load) }))
  site.expect('how many are asked', asked.length, 3)
  const picked = asked.find(({ id }) => said.endsWith(`Picked: ${id}.`))
  site.expect('the load of the one picked', picked?.load, Math.min(...asked.map(({ load }) => load)))
}

async function checkHashing(site: BuiltSite, page: Page): Promise<void> {
  const picture = pictureOf(page, /sixty keys/)
  const said = await press(picture, 'c leaves')
  for (const [, name, moved, had] of said.matchAll(/(\w[\w ]+): (\d+) of 60 keys moved, (\d+) had to/g)) {
    if (!(Number(had) > 0 && Number(moved) < 30))
      site.problems.push(`${name} moves ${moved} keys, of which ${had} had to`)
  }
  const back = await press(picture, 'c returns')
  site.expect('keys that have moved when it is back', back.match(/\d+(?= of)/g), ['0', '0'])
  await press(picture, 'c leaves')
}

async function screenshots(figures: Locator, folder: string): Promise<void> {
  for (const [index, figure] of (await figures.all()).entries()) {
    await figure.screenshot({ path: `${folder}/picture-${index + 1}.png` })
  }
}
