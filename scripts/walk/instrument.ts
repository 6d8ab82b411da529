// Loads the sources of the packages so that each function reports when it is entered: node --import ./instrument.ts …
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'
import { root, type SyntaxNode, walk } from '../figures/source-file.ts'

declare global {
  /** Called with the path of its file, and its line, at the start of each function. */
  var functionEntered: ((path: string, line: number) => void) | undefined
}

const functionTypes = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

registerHooks({
  resolve(specifier, context, next) {
    const [, name, entry = 'index'] = /^@lb\/([a-z-]+)(?:\/([a-z]+))?$/.exec(specifier) ?? []
    return next(name === undefined ? specifier : `file://${root}packages/${name}/src/${entry}.ts`, context)
  },
  load(url, context, next) {
    const path = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : ''
    if (!/^packages\/[^/]+\/src\/.*\.ts$/.test(path)) return next(url, context)
    return {
      format: 'module',
      shortCircuit: true,
      source: instrumented(path, readFileSync(fileURLToPath(url), 'utf8')),
    }
  },
})

function instrumented(path: string, text: string): string {
  const inserts: { readonly at: number; readonly text: string }[] = []
  walk(parseSync(path, text).program as unknown as SyntaxNode, (node) => {
    const body = node['body'] as SyntaxNode | null | undefined
    if (!functionTypes.has(node.type) || body === null || body === undefined) return undefined
    const line = text.slice(0, node.start).split('\n').length
    const call = `globalThis.functionEntered?.(${JSON.stringify(path)},${line})`
    if (body.type === 'BlockStatement') inserts.push({ at: body.start + 1, text: `${call};` })
    else inserts.push({ at: body.start, text: `(${call},` }, { at: body.end, text: ')' })
    return undefined
  })
  let result = text
  for (const { at, text: inserted } of inserts.sort((left, right) => right.at - left.at)) {
    result = result.slice(0, at) + inserted + result.slice(at)
  }
  return stripTypeScriptTypes(result)
}
