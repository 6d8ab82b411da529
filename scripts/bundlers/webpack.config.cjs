const process = require('node:process')

// Run in the folder of an application.
module.exports = { context: process.cwd(), mode: 'production', target: 'node' }
