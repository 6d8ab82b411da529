import type { Frame, InstanceFrame } from './recorded-run.ts'

const colours: Readonly<Record<InstanceFrame['state'], string>> = {
  serving: '#2e9e5b',
  slow: '#d48806',
  failing: '#c2410c',
  dead: '#8b8b8b',
}

/** Draws the instances of one frame as bars: the height is the requests in flight, a dot for each request that arrived. */
export function drawFleet(canvas: HTMLCanvasElement, frame: Frame, mostInFlight: number): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const { clientWidth: width, clientHeight: height } = canvas
  const scale = devicePixelRatio
  if (canvas.width !== width * scale) Object.assign(canvas, { width: width * scale, height: height * scale })
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  const step = width / Math.max(1, frame.instances.length)
  const ground = height - 14
  for (const [index, { inFlight, received, state, ejectedBy }] of frame.instances.entries()) {
    const x = index * step
    const bar = Math.min(1, inFlight / mostInFlight) * (ground - 24)
    context.globalAlpha = ejectedBy > 0 ? 0.35 : 1
    context.fillStyle = colours[state]
    context.fillRect(x + 1, ground - Math.max(2, bar), Math.max(1, step - 2), Math.max(2, bar))
    context.globalAlpha = 1
    for (let dot = 0; dot < Math.min(received, 6); dot++) context.fillRect(x + step / 2 - 1.5, 2 + dot * 4, 3, 2)
    if (ejectedBy > 0) {
      context.fillStyle = '#c2410c'
      context.fillRect(x + 1, ground + 3, Math.max(1, step - 2), 4)
    }
  }
}
