// A process that loads a playbook once and runs it each time it is asked, over connections that it keeps: what a watching
// provisioner does between two runs. Arguments: playbook, inventory. A line on stdin asks for a run; a line on stdout
// answers with the exit code and the recap, its line breaks written as \n.
import { createInterface } from 'node:readline'
import type { RunEvent } from '../../../src/core/events.ts'
import { run } from '../../../src/engine/run.ts'
import { loadPlaybook } from '../../../src/inventory/load-definition.ts'
import { openInventory } from '../../../src/inventory/open-inventory.ts'
import { makePaint } from '../../../src/report/paint.ts'
import { renderRecap } from '../../../src/report/recap.ts'
import { openSecrets } from '../../../src/secrets/open-secrets.ts'
import { makeConnect } from '../../../src/transport/connect.ts'
import type { Connect, Connection } from '../../../src/transport/connection.ts'

const [playbookFile = '', inventoryFile = ''] = process.argv.slice(2)
const { definition: playbook } = await loadPlaybook(playbookFile)
const { inventory } = await openInventory(inventoryFile)
const secrets = openSecrets({ file: '.provision/secrets.json', env: process.env, generate: 'memory' })

const kept = new Map<string, Connection>()
const open = makeConnect()

/** A connection that is opened once; whoever closes it only says that he is done with it. */
const connectOnce: Connect = async (host, given, progress) => {
  const connection = kept.get(host.name) ?? (await open(host, given, progress))
  kept.set(host.name, connection)
  return {
    run: (steps, options) => connection.run(steps, options),
    probeFresh: () => connection.probeFresh(),
    get requests() {
      return connection.requests
    },
    close: async () => {},
  }
}

async function runOnce(): Promise<string> {
  let recap = ''
  const emit = (event: RunEvent) => {
    if (event.type === 'recap') recap = renderRecap(event, makePaint(false))
    if ('error' in event && event.error) recap += event.error.message
  }
  const { outcome } = await run({ playbook, inventory, secrets, connect: connectOnce, emit })
  return `${outcome === 'ok' ? 0 : 2} ${recap.replaceAll('\n', '\\n')}`
}

for await (const _ of createInterface({ input: process.stdin })) {
  const answer = await runOnce().catch((error: unknown) => `1 ${String(error).replaceAll('\n', ' ')}`)
  process.stdout.write(`${answer}\n`)
}
await Promise.all([...kept.values()].map((connection) => connection.close()))
