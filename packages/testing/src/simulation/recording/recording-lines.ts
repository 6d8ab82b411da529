import { rejectOption } from '@lb/core/authoring'

/** Text in pieces: a string, or what a file, a process or a decompression gives. */
export type RecordingSource =
  | string
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array, unknown, undefined>

/** One line of a recording, as JSON: an object. */
export interface RecordingLine {
  /** From 1. */
  readonly number: number
  readonly fields: Readonly<Record<string, unknown>>
}

const legalSource = 'text, or an iterable of pieces of text or bytes'

/** Blank lines that are passed over. A compressed file may be little else, which would be read for half a minute. */
const maxBlankLines = 1_000

/** A list of ten thousand instances that change at once takes a tenth of it. */
const maxLineChars = 1_048_576

/**
 * The lines of `source`, one after the other: of the text, no more than a line and a piece is held.
 *
 * @throws InvalidOptionError naming the line that is no JSON, too long, or beyond `maxBytes`
 */
export async function* recordingLines(
  source: RecordingSource,
  maxBytes: number,
): AsyncGenerator<RecordingLine, undefined, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let number = 0
  let chars = 0
  let blank = 0
  for await (const piece of piecesOf(source)) {
    const text = typeof piece === 'string' ? piece : decoder.decode(checkedBytes(piece), { stream: true })
    chars += text.length
    if (chars > maxBytes) {
      rejectOption(
        lineName(number + 1),
        `within maxBytes, ${maxBytes} bytes from the start`,
        chars,
        'Raise maxBytes, or record less',
      )
    }
    let from = 0
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      const line = rest + text.slice(from, to)
      rest = ''
      from = to + 1
      number++
      if (line.trim() !== '' || ++blank > maxBlankLines) yield parsed(number, line)
    }
    rest += text.slice(from)
    if (rest.length > maxLineChars) parsed(number + 1, rest)
  }
  if (rest.trim() !== '') yield parsed(number + 1, rest)
}

function piecesOf(source: RecordingSource): Exclude<RecordingSource, string> {
  if (typeof source === 'string') return [source]
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source
  }
  return rejectOption('readRecording.source', legalSource, source)
}

function checkedBytes(piece: Uint8Array): Uint8Array {
  return ArrayBuffer.isView(piece) ? piece : rejectOption('readRecording.source', legalSource, piece)
}

/** How a line is called in errors. */
export function lineName(number: number): string {
  return `recording: line ${number}`
}

function parsed(number: number, line: string): RecordingLine {
  if (line.length > maxLineChars) rejectOption(lineName(number), `at most ${maxLineChars} characters`, line.length)
  let fields: unknown
  try {
    fields = JSON.parse(line)
  } catch {
    rejectOption(lineName(number), 'JSON', line, 'If the recording was cut off there, remove the line')
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    rejectOption(lineName(number), 'a JSON object', fields)
  }
  return { number, fields: { ...fields } }
}
