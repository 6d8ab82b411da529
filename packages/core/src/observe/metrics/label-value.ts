import { XxHash64 } from '../../base/xxhash64.ts'

/** Longer values of labels are cut. */
const maxLength = 120

/** Control characters, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}]/gu

/**
 * `text`, which a registry or a caller chose, as the value of a label: without what no exposition can carry, and of bounded length.
 * Texts that differ only in what is cut off or replaced differ by their hash.
 */
export function labelValue(text: string): string {
  const value = text.slice(0, maxLength).replace(unprintable, '\uFFFD')
  if (value === text) return text
  const hash = new XxHash64()
  hash.hash(text)
  return `${value}…${hash.high.toString(16)}${hash.low.toString(16)}`
}
