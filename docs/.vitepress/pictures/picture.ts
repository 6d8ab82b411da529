import './pictures.css'
import { h, type VNode } from 'vue'
import type { Player } from './player.ts'

/** What a picture consists of. */
export interface PictureParts {
  /** What it shows, for those who do not see it. */
  readonly label: string
  readonly body: VNode[]
  /** What it shows now, in words. */
  readonly caption: string
  readonly controls: VNode[]
}

/** A picture with what steers it. */
export function picture({ label, body, caption, controls }: PictureParts): VNode {
  return h('figure', { class: 'lb-picture', 'aria-label': label }, [
    h('div', { class: 'lb-picture-body' }, body),
    h('figcaption', { 'aria-live': 'polite' }, caption),
    h('div', { class: 'lb-picture-controls' }, controls),
  ])
}

/** Next, play or pause, and back to the beginning. */
export function playerControls(
  { isPlaying, toggle, pause }: Player,
  next: { readonly name: string; readonly step: () => void },
  reset: () => void,
): VNode[] {
  const restart = (): void => {
    pause()
    reset()
  }
  return [
    button(next.name, next.step),
    button(isPlaying.value ? 'Pause' : 'Play', toggle),
    button('From the beginning', restart),
  ]
}

export function button(text: string, onClick: () => void, properties: Readonly<Record<string, unknown>> = {}): VNode {
  return h('button', { type: 'button', onClick, ...properties }, text)
}

/** The class that gives an instance its colour. */
export function colourOf(id: string): string {
  return `lb-instance-${(id.charCodeAt(0) - 'a'.charCodeAt(0)) % 6}`
}
