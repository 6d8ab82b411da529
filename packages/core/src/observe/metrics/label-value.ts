import { XxHash64 } from '../../base/xxhash64.ts'

/** Longer values of labels are cut. */
const maxLength = 120

/** Control characters, and halves of surrogate pairs. */
const unprintable = /[\p{Cc}\p{Cs}]/u

/**
 * `text`, which a registry or a caller chose, as the value of a label: without what no exposition can carry, and of bounded length.
 * Texts that differ only in what is cut off or replaced differ by their hash.
 */
export function labelValue(text: string): string {
  if (text.length <= maxLength && !unprintable.test(text)) return text
  const value = text.slice(0, maxLength).replace(new RegExp(unprintable, 'gu'), '\uFFFD')
  const hash = new XxHash64()
  hash.hash(text)
  return `${value}…${hash.high.toString(16)}${hash.low.toString(16)}`
}
