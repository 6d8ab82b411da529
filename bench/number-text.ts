import type { Spread } from './spread.ts'

/** Two or three digits that count, and thousands apart. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Number.isInteger(value) || Math.abs(value) >= 100) {
    return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  }
  return value.toFixed(Math.abs(value) < 1 ? 2 : 1)
}

/** Median (lower quartile–upper quartile). */
export function spreadText({ median, lower, upper }: Spread): string {
  return `${numberText(median)} (${numberText(lower)}–${numberText(upper)})`
}

/** A ratio close to 1 must show its hundredths. */
export function ratioText(value: number): string {
  return value < 10 ? value.toFixed(2) : numberText(value)
}
