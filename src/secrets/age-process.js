// The program of a child process that does what age does. Secrets are looked up synchronously, in the middle of rendering
// a template say, and age-encryption answers with promises only: so the parent waits for this process. Requests and
// answers are JSON on stdin and stdout; nothing is in arguments or the environment. JavaScript, so that it starts without
// a TypeScript loader where the sources are run, in the tests.
import { readFileSync, writeSync } from 'node:fs'
import { armor, Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption'

/** @import { AgeAnswer, AgeRequest } from './age.ts' */

/**
 * @param {AgeRequest} request
 * @returns {Promise<AgeAnswer>}
 */
async function answer(request) {
  switch (request.ask) {
    case 'generate':
      return { text: await generateIdentity() }
    case 'recipient':
      return await identityToRecipient(request.identity).then(
        (text) => ({ text }),
        () => ({ problem: 'identity' }),
      )
    case 'encrypt':
      return await encrypt(request)
    case 'decrypt':
      return await decrypt(request)
  }
}

/**
 * @param {Extract<AgeRequest, { ask: 'encrypt' }>} request
 * @returns {Promise<AgeAnswer>}
 */
async function encrypt(request) {
  const encrypter = new Encrypter()
  if (request.passphrase !== undefined) encrypter.setPassphrase(request.passphrase)
  for (const recipient of request.recipients ?? []) {
    try {
      encrypter.addRecipient(recipient)
    } catch {
      return { problem: 'recipient', text: recipient }
    }
  }
  return { text: armor.encode(await encrypter.encrypt(request.text)) }
}

/**
 * @param {Extract<AgeRequest, { ask: 'decrypt' }>} request
 * @returns {Promise<AgeAnswer>}
 */
async function decrypt(request) {
  const decrypter = new Decrypter()
  if (request.passphrase !== undefined) decrypter.addPassphrase(request.passphrase)
  for (const identity of request.identities ?? []) {
    try {
      decrypter.addIdentity(identity)
    } catch {
      return { problem: 'identity' }
    }
  }
  try {
    return { text: await decrypter.decrypt(armor.decode(request.text), 'text') }
  } catch (error) {
    const wrongKey = error instanceof Error && error.message.startsWith('no identity matched')
    return { problem: wrongKey ? 'key' : 'damaged' }
  }
}

const bytes = Buffer.from(JSON.stringify(await answer(JSON.parse(readFileSync(0, 'utf8')))))
// a write to a pipe may take only a part
for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done)
