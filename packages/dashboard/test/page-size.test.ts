import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { pageFiles } from '../src/page-files.ts'

const files = [pageFiles.html, ...Object.values(pageFiles.assets).map(({ text }) => text)]

describe('the page', () => {
  it('weighs at most 40 KB, compressed by gzip', () => {
    const bytes = files.map((text) => gzipSync(text).length)
    expect(bytes).toHaveLength(4)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(40_000)
    expect(Math.min(...bytes)).toBeGreaterThan(100)
  })

  it('has no script and no style in its HTML, and no address of another server', () => {
    expect(pageFiles.html).not.toMatch(/<script(?![^>]* src=)|<style|style=| on\w+=/)
    const addresses = files.flatMap((text) => text.match(/https?:\/\/[\w.-]+/g) ?? [])
    // Names of XML, which are requested by nobody.
    expect(addresses.filter((address) => address !== 'http://www.w3.org')).toEqual([])
  })
})
