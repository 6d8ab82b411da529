import { onBeforeUnmount, type Ref, ref } from 'vue'

/** Plays a picture: one step after the other, until it is paused. Nothing moves before someone asks for it. */
export interface Player {
  readonly isPlaying: Ref<boolean>
  readonly toggle: () => void
  readonly pause: () => void
}

/** For use in `setup`. */
export function usePlayer(step: () => void, everyMs = 700): Player {
  const isPlaying = ref(false)
  let timer: ReturnType<typeof setInterval> | undefined
  const pause = (): void => {
    clearInterval(timer)
    isPlaying.value = false
  }
  const toggle = (): void => {
    if (isPlaying.value) {
      pause()
      return
    }
    isPlaying.value = true
    step()
    timer = setInterval(step, everyMs)
  }
  onBeforeUnmount(pause)
  return { isPlaying, toggle, pause }
}
