import { checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import type { ReadRecording, Recording } from './recording.ts'
import { lineName, type RecordingSource, recordingLines } from './recording-lines.ts'
import { RecordingReader } from './recording-reader.ts'

/** Which part of a recording is read, and how much of it. */
export interface ReadRecordingOptions {
  /** The name of the service. @default the only service that has calls in the recording */
  readonly service?: string | undefined
  /** Largest recording that is read, in bytes, from 1_024 to 2^31. It takes a few times as much memory. @default 134_217_728 */
  readonly maxBytes?: number | undefined
}

/**
 * Reads what `recordTraffic` of `@lb/core` wrote, for `simulate`.
 *
 *     const recording = await readRecording(createReadStream('traffic.jsonl'))
 *     const report = await simulate({ recording, loadBalancer: { balancer: 'peak-ewma' } })
 *
 * @throws InvalidOptionError naming the line that is damaged
 */
export async function readRecording(source: RecordingSource, options: ReadRecordingOptions = {}): Promise<Recording> {
  checkKeys('readRecording', options, ['service', 'maxBytes'])
  const { service, maxBytes = 134_217_728 } = options
  checkInteger('readRecording.maxBytes', maxBytes, 1_024, 2 ** 31)
  if (service !== undefined && typeof service !== 'string') rejectOption('readRecording.service', 'a string', service)
  const reader = new RecordingReader()
  let isFirst = true
  for await (const line of recordingLines(source, maxBytes)) {
    if (isFirst) checkHeader(line.number, line.fields)
    else reader.read(line)
    isFirst = false
  }
  if (isFirst) rejectOption(lineName(1), 'the header of a recording', undefined)
  const recording: ReadRecording = reader.recordingOf(service)
  return Object.freeze(recording)
}

function checkHeader(number: number, { recording, version }: Readonly<Record<string, unknown>>): void {
  if (recording !== 'lb-traffic') {
    rejectOption(
      `${lineName(number)}: recording`,
      '"lb-traffic", as in the first line of what recordTraffic writes',
      recording,
    )
  }
  if (version !== 1) {
    rejectOption(`${lineName(number)}: version`, '1', version, 'A newer @lb/testing reads newer versions')
  }
}
