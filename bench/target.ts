/** An aim and whether this run reached it. */
export interface Target {
  readonly text: string
  readonly met: boolean
  /** What was measured. */
  readonly evidence: string
  /** What was measured, if it is a ratio of two sides of one run: only that can be compared with another run. */
  readonly ratio?: Ratio
}

export interface Ratio {
  readonly value: number
  readonly better: 'higher' | 'lower'
}

export function higherIsBetter(value: number): Ratio {
  return { value, better: 'higher' }
}

export function lowerIsBetter(value: number): Ratio {
  return { value, better: 'lower' }
}

/** The lines of a report that say which targets were met. */
export function targetLines(targets: readonly Target[]): string[] {
  return targets.map(({ text, met, evidence }) => `- ${met ? '✔' : '✘'} ${text}: ${evidence}`)
}

/** The process ends with 1 when a target is missed. `pnpm bench` receives the targets. */
export function judge(targets: readonly Target[]): void {
  process.send?.(targets)
  if (targets.some(({ met }) => !met)) process.exitCode = 1
}
