// Load from wrk, and what it found.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly requests: number
  /** Answers other than 2xx and 3xx, broken connections and timeouts. */
  readonly failures: number
}

/** One thread, 48 connections, as fast as they go. */
export async function load(port: number, path: string, seconds: number): Promise<LoadResult> {
  const url = `http://127.0.0.1:${port}${path}`
  const { stdout } = await promisify(execFile)('wrk', ['-t1', '-c48', `-d${seconds}s`, '--latency', url])
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    requests: number(/(\d+) requests in/),
    failures:
      number(/Non-2xx or 3xx responses: (\d+)/) + (sockets?.slice(1).reduce((sum, each) => sum + Number(each), 0) ?? 0),
  }
}

function milliseconds(text = ''): number {
  const value = Number.parseFloat(text)
  if (text.endsWith('us')) return value / 1_000
  return text.endsWith('ms') ? value : value * 1_000
}
