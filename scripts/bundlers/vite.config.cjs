// Everything that is imported becomes part of the bundle, as on a server that has no node_modules.
module.exports = { build: { minify: true }, ssr: { noExternal: true } }
