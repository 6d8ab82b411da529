import { availableParallelism } from 'node:os'

/** The machine of a run, in general terms. */
export function machine(): string {
  const architecture = process.arch === 'x64' ? 'x86-64' : process.arch
  return `Node ${process.versions.node}, ${availableParallelism()} shared ${architecture} cores`
}
