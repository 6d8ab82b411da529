import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'

/**
 * Calls `gone` when the pipe `fd` has no reader any more. A write would show it, but a command may wait for hours for something to write.
 * Node cannot poll a pipe that it only writes to; `tail` of GNU does, and ends with SIGPIPE. It ends with this process, too. Where it is
 * another `tail`, it fails at once, and the next write shows that the reader is gone.
 */
export function watchReader(fd: number, gone: () => void): void {
  if (process.platform !== 'linux' || !isPipe(fd)) return
  const args = ['-f', '/dev/null', `--pid=${process.pid}`]
  // The environment may hold secrets, and is not for others.
  const tail = spawn('tail', args, { stdio: ['ignore', fd, 'ignore'], env: { PATH: process.env.PATH } })
  tail.on('error', () => {})
  tail.on('exit', (_, signal) => {
    if (signal === 'SIGPIPE') gone()
  })
  tail.unref()
  process.on('exit', () => tail.kill())
}

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO()
  } catch {
    return false
  }
}
