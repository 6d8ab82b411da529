const base = 36
const tMin = 1
const tMax = 26
const skew = 38
const damp = 700
const initialBias = 72
const initialCodePoint = 0x80
const lastCodePoint = 0x10_ff_ff

/**
 * The text that a label in punycode stands for, without its `xn--`; `undefined` when it stands for none.
 *
 * Source: RFC 3492 section 6.2.
 */
export function decodePunycode(encoded: string): string | undefined {
  const delimiter = encoded.lastIndexOf('-')
  const output = Array.from(delimiter > 0 ? encoded.slice(0, delimiter) : '', (letter) => letter.charCodeAt(0))
  let codePoint = initialCodePoint
  let bias = initialBias
  let position = 0
  let index = delimiter > 0 ? delimiter + 1 : 0
  while (index < encoded.length) {
    const before = position
    let weight = 1
    for (let k = base; ; k += base) {
      const digit = digitOf(encoded.charCodeAt(index++))
      if (digit === undefined) return undefined
      position += digit * weight
      const threshold = Math.min(Math.max(k - bias, tMin), tMax)
      if (digit < threshold) break
      weight *= base - threshold
      // Far below what a number holds exactly, and far above what any label stands for.
      if (weight > Number.MAX_SAFE_INTEGER / base ** 2) return undefined
    }
    const length = output.length + 1
    bias = adapt(position - before, length, before === 0)
    codePoint += Math.floor(position / length)
    position %= length
    if (codePoint > lastCodePoint || (codePoint >= 0xd8_00 && codePoint <= 0xdf_ff)) return undefined
    output.splice(position++, 0, codePoint)
  }
  return String.fromCodePoint(...output)
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 26
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x7a ? lower - 0x61 : undefined
}

function adapt(delta: number, length: number, isFirst: boolean): number {
  let left = isFirst ? Math.floor(delta / damp) : Math.floor(delta / 2)
  left += Math.floor(left / length)
  let k = 0
  for (; left > ((base - tMin) * tMax) / 2; k += base) left = Math.floor(left / (base - tMin))
  return k + Math.floor(((base - tMin + 1) * left) / (left + skew))
}
