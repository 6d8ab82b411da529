import { ratioText } from './number-text.ts'

/** A mean, and how far it is from the true one by chance. */
export interface Estimate {
  readonly mean: number
  /** Of the mean; 0 for a single figure. */
  readonly standardError: number
}

export function estimateOf(figures: readonly number[]): Estimate {
  const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length
  if (figures.length < 2) return { mean, standardError: 0 }
  const variance = figures.reduce((sum, figure) => sum + (figure - mean) ** 2, 0) / (figures.length - 1)
  return { mean, standardError: Math.sqrt(variance / figures.length) }
}

/** How many times `references` the `figures` are, both in the order of their seeds. */
export function ratioEstimate(figures: readonly number[], references: readonly number[]): Estimate {
  return estimateOf(figures.map((figure, index) => figure / (references[index] ?? Number.NaN)))
}

/** Mean ± one standard error. */
export function estimateText({ mean, standardError }: Estimate): string {
  return `${ratioText(mean)} ± ${ratioText(standardError)}`
}

/** Whether a ratio is not above 1 by more than two standard errors. */
export function isNotAbove1({ mean, standardError }: Estimate): boolean {
  return mean - 2 * standardError <= 1
}
