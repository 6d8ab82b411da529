import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ControlRequest, ControlVerb, InstanceRow } from '../src/api.ts'
import { RequestError, change as sendChange } from './api-client.ts'

/** What is asked to be changed. */
export interface Change {
  readonly verb: ControlVerb
  readonly instance?: string | undefined
  readonly row?: InstanceRow | undefined
  readonly shares?: Readonly<Record<string, number>> | undefined
}

const texts: Record<ControlVerb, readonly [title: string, effect: string]> = {
  drain: ['Drain', 'It gets no new requests from this process; those in flight finish.'],
  restore: ['Restore', 'Its drain and its weight are taken back: it is used as the registry says.'],
  weight: ['Set the weight of', 'Its share of the traffic changes with the next request. 0 drains it.'],
  shares: ['Set the shares of', 'Each group gets its share of the traffic, from the next request on.'],
  'end-ejection': ['End the ejection of', 'It is used again at once. If it fails again, it is ejected for longer.'],
}

interface ChangeDialogProps {
  readonly service: string
  readonly change: Change
  readonly onClose: () => void
}

// As long as the page is open: it is stored nowhere.
let lastToken = ''

/** Nothing is changed before it is confirmed here. */
export function ChangeDialog({ service, change, onClose }: ChangeDialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const [value, setValue] = useState(() => initialValue(change))
  const [token, setToken] = useState(lastToken)
  const [failure, setFailure] = useState<RequestError>()
  const [isSending, setSending] = useState(false)
  useEffect(() => dialog.current?.showModal(), [])
  const [title, effect] = texts[change.verb]
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault()
    setSending(true)
    try {
      await sendChange(service, change.verb, bodyOf(change, value), token)
      lastToken = token
      dialog.current?.close()
    } catch (error) {
      setFailure(error instanceof RequestError ? error : new RequestError(400, String(error)))
      setSending(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby="change-title" onClose={onClose}>
      <form onSubmit={(event) => void confirm(event)}>
        <h2 id="change-title">
          {title} {change.instance ?? service}?
        </h2>
        <p>{effect}</p>
        {change.verb === 'weight' ? (
          <label>
            Weight{' '}
            <input
              type="number"
              min="0"
              step="any"
              required
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          </label>
        ) : null}
        {change.verb === 'shares' ? (
          <label>
            Shares, such as <code>stable=95, canary=5</code>; empty: the service's own{' '}
            <input type="text" value={value} onInput={(event) => setValue(event.currentTarget.value)} />
          </label>
        ) : null}
        {failure?.status === 401 || token !== '' ? (
          <label>
            Token{' '}
            <input
              type="password"
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </label>
        ) : null}
        {failure === undefined ? null : (
          <p class="notice bad" role="alert">
            {failure.message}
          </p>
        )}
        <p class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="confirm" disabled={isSending}>
            Confirm
          </button>
        </p>
      </form>
    </dialog>
  )
}

function initialValue({ verb, row, shares }: Change): string {
  if (verb === 'weight')
    return String(row?.overrides?.find(({ kind }) => kind === 'weight')?.weight ?? row?.instance.weight ?? 1)
  return Object.entries(shares ?? {})
    .map(([group, share]) => `${group}=${share}`)
    .join(', ')
}

function bodyOf({ verb, instance }: Change, value: string): ControlRequest {
  if (verb === 'shares') return { shares: sharesOf(value) }
  return { instance, ...(verb === 'weight' ? { weight: Number(value) } : undefined) }
}

function sharesOf(text: string): Readonly<Record<string, number>> | null {
  if (text.trim() === '') return null
  const entries = text.split(',').map((part): [string, number] => {
    const at = part.lastIndexOf('=')
    const share = Number(part.slice(at + 1))
    if (at < 1 || !(share >= 0)) throw new RequestError(400, `${part.trim()} is not of the form group=share`)
    return [part.slice(0, at).trim(), share]
  })
  return Object.fromEntries(entries)
}
