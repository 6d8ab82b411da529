// What a bundle of parts of a package weighs, minified and compressed by gzip: more than its limit fails. Reads what the build wrote.
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * What is imported, and the bytes that it may have, in KB (1 000 bytes) after gzip. A load balancer needs most of core, since it takes any
 * balancer by its name, and any option: it is for servers, which load it once. One balancer alone is for everything else.
 */
const limits: readonly { readonly code: string; readonly limitKb: number }[] = [
  { code: "export { RoundRobinBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { SmoothWeightedRoundRobinBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { LeastRequestBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { PeakEwmaBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { RingHashBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { MaglevBalancer } from '@lb/core'", limitKb: 6 },
  { code: "export { LoadBalancer, StaticDiscovery } from '@lb/core'", limitKb: 73 },
  { code: "export * from '@lb/core'", limitKb: 81 },
]

async function compressedBytes(code: string): Promise<number> {
  const entry = 'virtual:size'
  const result = await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: entry,
        resolveId: (id: string) => (id === entry ? entry : undefined),
        load: (id: string) => (id === entry ? code : undefined),
      },
    ],
    resolve: { alias: [{ find: /^@lb\/([a-z-]+)$/, replacement: `${root}packages/$1/dist/index.js` }] },
    build: { write: false, modulePreload: false, rolldownOptions: { input: entry, preserveEntrySignatures: 'strict' } },
  })
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((each) => ('output' in each ? each.output : []))
  return outputs.reduce((sum, each) => sum + (each.type === 'chunk' ? gzipSync(each.code).length : 0), 0)
}

for (const { code, limitKb } of limits) {
  const kb = (await compressedBytes(code)) / 1_000
  const fits = kb <= limitKb
  console.log(`${fits ? '✔' : '✘'} ${kb.toFixed(1)} KB (at most ${limitKb}): ${code}`)
  if (!fits) process.exitCode = 1
}
