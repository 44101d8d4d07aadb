// A controller to be killed: connects as its argument says (JSON), prints `begun`, and runs one step until someone kills it.
import { makeConnect } from '../../src/transport/connect.ts'

const { connection, script } = JSON.parse(process.argv[2] ?? '{}')
const secrets = { reveal: String, redact: (text: string) => text }
const host = { name: 'h1', groups: [], connection, vars: {}, where: { get: () => undefined } }
const run = async () => {
  const connected = await makeConnect()(host, secrets)
  await connected.run([{ script }], { onOutput: (_step, _stream, text) => process.stdout.write(text) })
}
void run()
