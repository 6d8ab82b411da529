import { importedFrom, type SourceFile, type SyntaxNode } from './source-file.ts'

interface Declared {
  readonly file: SourceFile
  /** With its `export`, where it has one: a doc comment stands before that. */
  readonly statement: SyntaxNode
  readonly declaration: SyntaxNode
}

/** The public names of the package with the entry `path`, and those of them, and of their members, without a doc comment. */
export function publicNames(
  path: string,
  files: ReadonlyMap<string, SourceFile>,
): { readonly names: readonly string[]; readonly undocumented: readonly string[] } {
  const entry = files.get(path)
  if (entry === undefined) return { names: [], undocumented: [] }
  const names: string[] = []
  const undocumented: string[] = []
  for (const [name, { file, statement, declaration }] of exportsOf(entry, files)) {
    names.push(name)
    if (!isDocumented(file, statement)) undocumented.push(`${file.path} ${name}`)
    for (const member of membersOf(declaration)) {
      if (!isDocumented(file, member.node)) undocumented.push(`${file.path} ${name}.${member.name}`)
    }
  }
  return { names, undocumented }
}

/** Every name that `file` exports, with its declaration, through whatever files it is passed on. */
function exportsOf(file: SourceFile, files: ReadonlyMap<string, SourceFile>): Map<string, Declared> {
  const found = new Map<string, Declared>()
  for (const statement of file.program['body'] as readonly SyntaxNode[]) {
    if (statement.type === 'ExportAllDeclaration') {
      const from = sourceOf(file, statement, files)
      if (from !== undefined) for (const [name, declared] of exportsOf(from, files)) found.set(name, declared)
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    const declaration = statement['declaration'] as SyntaxNode | null
    for (const name of declaration === null ? [] : declaredNames(declaration)) {
      // The comment of an overloaded function stands before its first signature.
      if (!found.has(name)) found.set(name, { file, statement, declaration: declaration as SyntaxNode })
    }
    const from = sourceOf(file, statement, files)
    const known = from === undefined ? localDeclarations(file) : exportsOf(from, files)
    for (const { local, exported } of statement['specifiers'] as readonly Record<string, { name: string }>[]) {
      const declared = known.get(local?.name ?? '')
      if (declared !== undefined) found.set(exported?.name ?? '', declared)
    }
  }
  return found
}

function localDeclarations(file: SourceFile): Map<string, Declared> {
  const found = new Map<string, Declared>()
  for (const statement of file.program['body'] as readonly SyntaxNode[]) {
    for (const name of declaredNames(statement)) found.set(name, { file, statement, declaration: statement })
  }
  return found
}

function declaredNames(declaration: SyntaxNode): string[] {
  const own = (declaration['id'] as { name?: string } | null | undefined)?.name
  if (own !== undefined) return [own]
  const variables = (declaration['declarations'] ?? []) as readonly { id: { name?: string } }[]
  return variables.flatMap(({ id }) => id.name ?? [])
}

function sourceOf(
  file: SourceFile,
  statement: SyntaxNode,
  files: ReadonlyMap<string, SourceFile>,
): SourceFile | undefined {
  const path = importedFrom(file, statement)
  return path === undefined ? undefined : files.get(path)
}

/** The members of an interface, class or type of objects that its users see. */
function membersOf(declaration: SyntaxNode): { readonly name: string; readonly node: SyntaxNode }[] {
  const members = allMembersOf(declaration)
  const seen = new Set<string>()
  return members.flatMap((node) => {
    const { key, accessibility, kind, override } = node as SyntaxNode & Record<string, unknown>
    const { type, name } = (key ?? {}) as { type?: string; name?: string }
    const hidden = type !== 'Identifier' || name === undefined || accessibility === 'private'
    // What a constructor takes is said by its class; what is overridden, by what declares it; a second signature, by the first.
    if (hidden || kind === 'constructor' || override === true || seen.has(name)) return []
    seen.add(name)
    return [{ name, node }]
  })
}

function allMembersOf({ type, body, typeAnnotation }: SyntaxNode): readonly SyntaxNode[] {
  if (type === 'TSInterfaceDeclaration' || type === 'ClassDeclaration') {
    return (body as { body: readonly SyntaxNode[] }).body
  }
  const literal = typeAnnotation as { type?: string; members: readonly SyntaxNode[] } | undefined
  return literal?.type === 'TSTypeLiteral' ? literal.members : []
}

/** Whether a doc comment stands directly before `node`. */
function isDocumented({ comments, text }: SourceFile, node: SyntaxNode): boolean {
  // Those of an exported class stand before its `export`, and belong to the class.
  const { decorators = [] } = { ...(node['declaration'] as object | null), ...node } as { decorators?: SyntaxNode[] }
  const start = Math.min(node.start, ...decorators.map((decorator) => decorator.start))
  return comments.some(
    ({ value, end }) => value.startsWith('*') && end <= start && text.slice(end, start).trim() === '',
  )
}
