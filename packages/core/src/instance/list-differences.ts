/** Where two lists differ, by index, in ascending order. What is in neither of them stands in both lists, in the same order. */
export interface ListDifferences {
  /** Of the list before. */
  readonly gone: readonly number[]
  /** Of the list after. */
  readonly fresh: readonly number[]
}

/** How many in a row may have been removed and still be walked past. */
const lookAhead = 64

/**
 * Walks past two lists side by side. Most of a long list stays as it is, in the same order: that costs no hash, and allocates
 * nothing. What changed its place is in both results.
 */
export function listDifferences<B, A>(
  before: readonly B[],
  after: readonly A[],
  isSame: (item: A, known: B) => boolean,
): ListDifferences {
  const gone: number[] = []
  const fresh: number[] = []
  let next = 0
  for (let index = 0; index < after.length; index++) {
    const item = after[index] as A
    const end = Math.min(before.length, next + lookAhead)
    let place = next
    while (place < end && !isSame(item, before[place] as B)) place++
    if (place === end) fresh.push(index)
    else {
      for (; next < place; next++) gone.push(next)
      next = place + 1
    }
  }
  for (; next < before.length; next++) gone.push(next)
  return { gone, fresh }
}
