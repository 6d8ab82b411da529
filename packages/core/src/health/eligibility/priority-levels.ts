/** How many instances of one priority level have a weight, and how many of them are healthy. */
export interface LevelHealth {
  readonly healthy: number
  readonly total: number
}

export interface LevelLoad {
  /** Part of the traffic, in [0, 1]. All of them sum to 1, or to 0 if no instance is left. */
  readonly share: number
  /** Whether health is ignored within the level. */
  readonly panic: boolean
}

/** A level counts as wholly healthy down to 1 ÷ 1.4 = 71 % healthy instances. */
const overprovisioning = 1.4

/**
 * Splits the traffic over priority levels, first level first. A level takes as much as its health, 1.4 × the share of
 * healthy instances, in whole percent; what is left spills over to the next: 50 % and 50 % healthy → 70 : 30.
 *
 * Only when all levels together cannot take everything, shares are scaled up to 1, and a level with fewer healthy
 * instances than `panicThreshold` panics. When no level has any, they share by size.
 *
 * Source: Envoy, "Priority levels" and "Panic threshold".
 */
export function levelLoads(levels: readonly LevelHealth[], panicThreshold: number): readonly LevelLoad[] {
  const percents = levels.map(({ healthy, total }) =>
    total === 0 ? 0 : Math.min(100, Math.floor((100 * overprovisioning * healthy) / total)),
  )
  const sum = percents.reduce((all, percent) => all + percent, 0)
  if (sum >= 100) return spilled(percents)
  const panics = levels.map(({ healthy, total }) => total > 0 && healthy < panicThreshold * total)
  if (sum > 0) return percents.map((percent, level) => ({ share: percent / sum, panic: panics[level] === true }))
  const size = levels.reduce((all, { total }, level) => all + (panics[level] === true ? total : 0), 0)
  return levels.map(({ total }, level) =>
    panics[level] === true ? { share: total / size, panic: true } : { share: 0, panic: false },
  )
}

function spilled(percents: readonly number[]): readonly LevelLoad[] {
  let left = 100
  return percents.map((percent) => {
    const taken = Math.min(percent, left)
    left -= taken
    return { share: taken / 100, panic: false }
  })
}
