const blocks = ' ▁▂▃▄▅▆▇█'
const perLine = 50

/** One character for each figure, as high as it is; a full block is `top`. A line for each 50 of them, with a label. */
export function histogram(figures: readonly number[], top: number, label: (index: number) => string): string[] {
  const lines: string[] = []
  for (let first = 0; first < figures.length; first += perLine) {
    const bars = figures.slice(first, first + perLine).map((figure) => bar(figure / top))
    lines.push(`${label(first)} │${bars.join('').trimEnd()}`)
  }
  return lines
}

/** Anything above nothing is seen. */
function bar(share: number): string {
  return blocks[Math.min(blocks.length - 1, Math.ceil(share * (blocks.length - 1)))] ?? ' '
}
