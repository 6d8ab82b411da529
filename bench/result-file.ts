import { mkdir, writeFile } from 'node:fs/promises'

/** Writes `bench/results/<name>.md`. */
export async function writeResult(name: string, text: string): Promise<void> {
  const results = new URL('results/', import.meta.url)
  await mkdir(results, { recursive: true })
  await writeFile(new URL(`${name}.md`, results), text)
}
