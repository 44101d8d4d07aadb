// A developer's hand tool for labs: node --import tsx scripts/lab-dev.ts up|status|reset|down|kill|start NAME [host:suite…]
import { labDown, labKill, labReset, labStart, labStatus, labUp, parseLabHost } from '../src/lab/lab.ts'

const [verb = 'status', name = 'lab', ...rest] = process.argv.slice(2)
const onProgress = (message: string) => process.stderr.write(`${message}\n`)
const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())
const options = { onProgress, signal: interrupt.signal }

async function run(): Promise<unknown> {
  const [host = ''] = rest
  switch (verb) {
    case 'up':
      return await labUp({ name, ...options, ...(rest.length > 0 && { hosts: rest.map(parseLabHost) }) })
    case 'status':
      return await labStatus(name, options)
    case 'reset':
      return await labReset(name, options)
    case 'down':
      return await labDown(name, options)
    case 'kill':
      return await labKill(name, rest, options)
    case 'start':
      return await labStart(name, host, options)
    default:
      throw new Error(`unknown verb ${verb}: up, status, reset, down, kill or start`)
  }
}

const started = performance.now()
const answer = await run()
if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
onProgress(`${verb} took ${Math.round(performance.now() - started)} ms`)
