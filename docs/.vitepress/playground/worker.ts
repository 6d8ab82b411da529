// Runs the two sides away from the page, so that it stays responsive.

import { readRecording } from '@lb/testing/simulation'
import { type RecordedRun, recordedRun } from './recorded-run.ts'
import type { Settings } from './settings.ts'

/** What the page asks for: a run of each side, with what was recorded, if there is a recording. */
export interface WorkerRequest {
  readonly settings: Settings
  readonly recording: string | undefined
}

/** What the page gets: a run of one side, or what went wrong. */
export type WorkerMessage = { readonly side: number; readonly run: RecordedRun } | { readonly error: string }

function send(message: WorkerMessage): void {
  postMessage(message)
}

async function run({ recording: text, settings }: WorkerRequest): Promise<void> {
  try {
    const recording = text === undefined ? undefined : await readRecording(text)
    for (const [side, balancer] of settings.balancers.entries())
      send({ side, run: await recordedRun(settings, balancer, recording) })
  } catch (error) {
    send({ error: error instanceof Error ? error.message : String(error) })
  }
}

addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => void run(data))
