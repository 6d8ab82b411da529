// Runs the program where there is a command line: Node, Bun, Deno.
import process from 'node:process'
import { run } from './program.mjs'

const [first, second, dead] = process.argv.slice(2)
await run({ alive: [first, second], dead })
