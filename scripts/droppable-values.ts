import MagicString from 'magic-string'
import { type Plugin, parseSync } from 'vite'

/** Initialisers that bundlers drop by themselves. */
const plain =
  /^(?:Literal|Identifier|FunctionExpression|ArrowFunctionExpression|ClassExpression|UnaryExpression|BinaryExpression)$/

/**
 * Computes each value of an ES module in a call that is marked as pure, so that the bundlers of applications drop what is not used. The
 * packages say `sideEffects: false`, but bundlers take that of whole files, and a package is one file.
 */
export function droppableValues(): Plugin {
  return {
    name: 'droppable-values',
    renderChunk(code, { fileName }) {
      if (!/\.m?js$/.test(fileName)) return null
      const marked = new MagicString(code)
      for (const statement of parseSync(fileName, code).program.body) {
        const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
        if (declaration?.type !== 'VariableDeclaration') continue
        for (const { init } of declaration.declarations) {
          if (init === null || plain.test(init.type)) continue
          marked.appendLeft(init.start, '/* @__PURE__ */ (() => (').appendRight(init.end, '))()')
        }
      }
      const dropped = marked.toString()
      // A value that awaits is one that no function may compute.
      const [error] = parseSync(fileName, dropped).errors
      if (error !== undefined) this.error(`${fileName}: a value at the top level cannot be marked: ${error.message}`)
      return { code: dropped, map: marked.generateMap({ hires: 'boundary' }).toString() }
    },
  }
}
