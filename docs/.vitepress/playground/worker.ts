// Runs the two sides away from the page, so that it stays responsive.

import { type RecordedRun, recordedRun } from './recorded-run.ts'
import type { Settings } from './settings.ts'

/** What the page gets: a run of one side, or what went wrong. */
export type WorkerMessage = { readonly side: number; readonly run: RecordedRun } | { readonly error: string }

function send(message: WorkerMessage): void {
  postMessage(message)
}

async function run(data: Settings): Promise<void> {
  try {
    for (const [side, balancer] of data.balancers.entries()) send({ side, run: await recordedRun(data, balancer) })
  } catch (error) {
    send({ error: error instanceof Error ? error.message : String(error) })
  }
}

addEventListener('message', ({ data }: MessageEvent<Settings>) => void run(data))
