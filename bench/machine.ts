import { availableParallelism } from 'node:os'

/** What a report says of where it ran: in general terms, as nobody has this very machine. */
export function machine(): string {
  const architecture = process.arch === 'x64' ? 'x86-64' : process.arch
  return `Node ${process.versions.node}, ${availableParallelism()} shared ${architecture} cores`
}
