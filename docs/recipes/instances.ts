// Instances on this machine, for recipes: what each answers says its name.
import { LoopbackBackend } from '@lb/testing'

/** Starts an instance with each of these names. */
export function startInstances(...names: readonly string[]): Promise<LoopbackBackend[]> {
  return Promise.all(names.map((id) => LoopbackBackend.start({ id, script: { body: id } })))
}

/** How many of the calls each instance served, by name. */
export async function countCalls(calls: number, call: (number: number) => Promise<string>): Promise<string> {
  const counts = new Map<string, number>()
  for (let number = 0; number < calls; number++) {
    const name = await call(number)
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

/** Prints which instances serve ten requests to `url`, and ten more after the first instance died. */
export async function showDeath(url: string, instances: readonly LoopbackBackend[]): Promise<void> {
  const get = (): Promise<string> => fetch(url).then((response) => response.text())
  console.log(await countCalls(10, get))
  await instances[0]?.stop()
  console.log(await countCalls(10, get))
}
