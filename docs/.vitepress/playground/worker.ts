// Runs the two sides away from the page, so that it stays responsive.
import { recordedRun } from './recorded-run.ts'
import type { Settings } from './settings.ts'

async function run(data: Settings): Promise<void> {
  try {
    for (const [side, balancer] of data.balancers.entries())
      postMessage({ side, run: await recordedRun(data, balancer) })
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.message : String(error) })
  }
}

addEventListener('message', ({ data }: MessageEvent<Settings>) => void run(data))
