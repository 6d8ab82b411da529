/** An aim and whether this run reached it. */
export interface Target {
  readonly text: string
  readonly met: boolean
  /** What was measured. */
  readonly evidence: string
}

/** The lines of a report that say which targets were met. */
export function targetLines(targets: readonly Target[]): string[] {
  return targets.map(({ text, met, evidence }) => `- ${met ? '✔' : '✘'} ${text}: ${evidence}`)
}

/** Those lines of a report; a report wraps long ones. */
export function targetLinesIn(report: string): string[] {
  const unwrapped = report.replaceAll(/\n {2}(?=\S)/g, ' ')
  return unwrapped.split('\n').filter((line) => /^- [✔✘] /u.test(line))
}

/** The process ends with 1 when a target is missed. */
export function judge(targets: readonly Target[]): void {
  if (targets.some(({ met }) => !met)) process.exitCode = 1
}
