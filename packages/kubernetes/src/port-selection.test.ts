import { DiscoveryError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { slice } from '../test/slices.ts'
import { parseEndpointSlice } from './endpoint-slice.ts'
import { portSelection } from './port-selection.ts'

interface Port {
  readonly name?: string | null
  readonly port?: number | null
  readonly protocol?: string
}

/** The port that is chosen of each slice, given by its ports. */
function portsOf(slices: readonly (readonly Port[])[], wanted?: string | number): (number | undefined)[] {
  const parsed = slices.map((ports, index) =>
    parseEndpointSlice(slice('orders', `s${index}`, ['10.0.0.1'], { ports: [...ports] })),
  )
  const choose = portSelection(parsed, wanted)
  return parsed.map((one) => choose(one)?.port)
}

const http = { name: 'http', port: 8080 }
const metrics = { name: 'metrics', port: 9090 }

describe('the port', () => {
  it('is the only one, with or without a name', () => {
    expect(portsOf([[http], [{ name: 'http', port: 8081 }]])).toEqual([8080, 8081])
    expect(portsOf([[{ name: null, port: 80 }]])).toEqual([80])
    expect(portsOf([[http, { name: 'dns', port: 53, protocol: 'UDP' }]])).toEqual([8080])
  })

  it('is the one named http among several', () => {
    expect(portsOf([[metrics, http]])).toEqual([8080])
    expect(portsOf([[http], [metrics]])).toEqual([8080, undefined])
  })

  it('is not guessed among others', () => {
    const choose = (): unknown => portsOf([[{ name: 'grpc', port: 50_051 }, metrics]])
    expect(choose).toThrow(DiscoveryError)
    expect(choose).toThrow('several ports: "grpc", "metrics". Set the option port to one of them')
  })

  it('by name is that of each slice; a slice without it is left out', () => {
    expect(portsOf([[http, metrics], [http], [{ name: 'metrics', port: 9091 }]], 'metrics')).toEqual([
      9090,
      undefined,
      9091,
    ])
  })

  it('that nobody has is a failure, not an empty list', () => {
    expect(() => portsOf([[http], [metrics]], 'grpc')).toThrow(
      'no endpoint has a TCP port named "grpc", they have "http", "metrics". Set the option port to one of them',
    )
    expect(() => portsOf([[]])).toThrow('they have none')
    expect(() => portsOf([[http]], 80)).toThrow('no endpoint has the TCP port 80, they have 8080')
  })

  it('by number is that of the pods', () => {
    expect(portsOf([[http, metrics], [http]], 9090)).toEqual([9090, undefined])
  })

  it('by number fits a slice for any port', () => {
    expect(portsOf([[], [{ name: 'any', port: null }]], 7000)).toEqual([7000, 7000])
    expect(portsOf([[{ name: 'any', port: null }], [{ name: 'any', port: 7 }]], 'any')).toEqual([undefined, 7])
  })

  it('of a Service without endpoints does not matter', () => {
    const empty = parseEndpointSlice(slice('orders', 'a', [], { ports: null }))
    for (const wanted of [undefined, 'grpc', 80]) expect(() => portSelection([empty], wanted)).not.toThrow()
  })
})
