/** The page and its assets. */
export interface PageFiles {
  /** Refers to the assets by addresses relative to its own. */
  readonly html: string
  /** By names that change with their content. */
  readonly assets: Readonly<Record<string, { readonly type: string; readonly text: string }>>
}

/** The build puts the bundle of `page/` in place of this. */
export const pageFiles: PageFiles = { html: '', assets: {} }
