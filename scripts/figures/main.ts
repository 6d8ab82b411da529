// Counts what keeps the code readable, and fails above a limit (limits.ts): main.ts [--places] [--json].
// `--places` names every place that counts.
import { allowed } from './figure.ts'
import { figuresOfRepository } from './repository.ts'

const figures = figuresOfRepository()
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`)
else {
  for (const { name, value, limit, places } of figures) {
    const shown = Number.isInteger(value) ? value : value.toFixed(1)
    const most = allowed(limit)
    const today = most > limit.target ? `, today ${most}` : ''
    process.stdout.write(`${value > most ? '✘' : '✔'} ${name}: ${shown} (at most ${limit.target}${today})\n`)
    const named = process.argv.includes('--places') ? places : value > most ? places.slice(0, 20) : []
    for (const place of named) process.stdout.write(`    ${place}\n`)
  }
}
if (figures.some(({ value, limit }) => value > allowed(limit))) process.exitCode = 1
