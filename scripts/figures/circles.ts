import type { SourceFile } from './source-file.ts'

/** Groups of files that import each other in a circle, imports of types included: one entry for each, its files in order. */
export function circles(files: readonly SourceFile[]): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports.map(({ from }) => from)]))
  return strongComponents(importsOf)
    .filter((group) => group.length > 1)
    .map((group) => group.sort().join(' ↔ '))
}

/** Tarjan's algorithm. */
function strongComponents(importsOf: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const indexOf = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const connect = (path: string): void => {
    const index = indexOf.size
    indexOf.set(path, index)
    lowest.set(path, index)
    stack.push(path)
    for (const other of importsOf.get(path) ?? []) {
      if (!importsOf.has(other)) continue
      if (!indexOf.has(other)) connect(other)
      else if (!stack.includes(other)) continue
      lowest.set(path, Math.min(lowest.get(path) as number, lowest.get(other) as number))
    }
    if (lowest.get(path) === index) found.push(stack.splice(stack.indexOf(path)))
  }
  for (const path of importsOf.keys()) if (!indexOf.has(path)) connect(path)
  return found
}
