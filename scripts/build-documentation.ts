// Writes dist/documentation.json, which `provision doc` and completion read.
import { writeFileSync } from 'node:fs'
import { collectDocumentation } from './documentation.ts'

writeFileSync('dist/documentation.json', `${JSON.stringify(await collectDocumentation())}\n`)
