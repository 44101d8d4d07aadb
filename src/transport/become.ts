// From the login user to the agent's user: sudo(8) or su(1). A password goes over stdin after a prompt was seen, never
// into an argument, and nothing else is sent before the agent says hello, because it could be taken for the password.
import { ProvisionError } from '../core/error.ts'
import type { ConnectionSettings } from '../core/host.ts'
import type { Secrets } from '../core/secret.ts'
import type { StartFailure } from './agent.ts'
import { agentCommand } from './agent-script.ts'
import { describeTarget, type Target } from './target.ts'

/** How the agent's user is reached. */
export interface Become {
  readonly method: 'none' | 'sudo' | 'su'
  /** The agent's user. */
  readonly user: string
  /** What the login shell runs. */
  readonly command: string
  readonly prompt?: { readonly isPrompt: (stderr: string) => boolean; readonly password: string | undefined }
}

const sudoPrompt = 'hostwright-password:'
const userName = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/
// English messages, whatever the host's language: we tell the failures apart by them.
const english = 'env LC_ALL=C'

/** Decides from the settings how the agent is started. */
export function planBecome(settings: ConnectionSettings, loginUser: string, secrets: Secrets): Become {
  const wished = settings.become ?? true
  const user = wished === true ? 'root' : wished === false ? loginUser : wished
  if (user === loginUser) return { method: 'none', user, command: agentCommand('sh') }
  if (!userName.test(user)) {
    throw new ProvisionError({ code: 'inventory', message: `become is "${user}", expected the name of a user` })
  }
  const password = settings.becomePassword === undefined ? undefined : secrets.reveal(settings.becomePassword)
  if (loginUser === 'root' || settings.becomeMethod === 'su') {
    return {
      method: 'su',
      user,
      command: agentCommand(`${english} su -s /bin/sh`, user),
      // su writes a prompt of its own and waits on the same line; it has no option for its text.
      ...(loginUser !== 'root' && { prompt: { isPrompt: endsInPrompt, password } }),
    }
  }
  if (password === undefined) {
    return { method: 'sudo', user, command: agentCommand(`${english} sudo -n -H -u ${user} -- sh`) }
  }
  return {
    method: 'sudo',
    user,
    command: agentCommand(`${english} sudo -S -p ${sudoPrompt} -H -u ${user} -- sh`),
    prompt: { isPrompt: (stderr) => stderr.includes(sudoPrompt), password },
  }
}

function endsInPrompt(stderr: string): boolean {
  return /[^\n]:[ \t]*$/.test(stderr)
}

interface Reason {
  readonly seen: RegExp
  readonly message: (become: Become, target: Target) => string
  readonly hint?: (become: Become, target: Target) => string
}

const reasons: readonly Reason[] = [
  {
    seen: /a password is required|a terminal is required to read the password|no askpass program/,
    message: ({ user }, target) => `sudo asks for the password of ${target.user} to become ${user}, and none was given`,
    hint: () =>
      'Give it with --ask-become-pass or becomePassword in the inventory, or allow sudo without one (NOPASSWD) for this user.',
  },
  {
    seen: /incorrect password attempt|Sorry, try again/,
    message: (_become, target) => `sudo refused the password of ${target.user}: it is wrong`,
    hint: () => 'Set becomePassword in the inventory, or give --ask-become-pass.',
  },
  {
    seen: /not in the sudoers file|may not run sudo|is not allowed to (?:execute|run)/,
    message: ({ user }, target) => `sudo does not allow ${target.user} to become ${user}`,
    hint: (_become, target) => `On the host, as root: adduser ${target.user} sudo`,
  },
  {
    seen: /must have a tty|must be run from a terminal/,
    message: ({ method }) => `${method} on this host insists on a terminal, and the agent has none`,
    hint: ({ method }, target) =>
      method === 'sudo' ? `In sudoers: Defaults:${target.user} !requiretty` : `Use becomeMethod: 'sudo'.`,
  },
  {
    seen: /no new privileges/,
    message: ({ method }) => `${method} cannot work here: the "no new privileges" flag is set for this login`,
  },
  {
    seen: /unknown user|user .* does not exist|no passwd entry/i,
    message: ({ user }) => `the user ${user} does not exist on the host`,
  },
  {
    seen: /(?:sudo|su)['’]?: (?:command )?not found|(?:sudo|su)['’]?: No such file/,
    message: ({ method }) => `${method} is not installed on the host`,
    hint: ({ method }) =>
      method === 'sudo'
        ? `Install sudo, or set becomeMethod: 'su', or log in as root, or set become: false.`
        : 'Log in as root, or set become: false.',
  },
  {
    seen: /Authentication failure|Permission denied/,
    message: ({ user }) => `su refused the password of ${user}: it is wrong, or su is not allowed`,
    hint: () =>
      'Set becomePassword in the inventory, or give --ask-become-pass: for su it is the password of the user to become.',
  },
]

/** Why the agent did not start, in words. */
export function explainStart(failure: StartFailure, become: Become, target: Target): ProvisionError {
  const host = describeTarget(target)
  const detail = failure.output === '' ? undefined : failure.output
  switch (failure.kind) {
    case 'interrupted':
      return new ProvisionError({ code: 'interrupted', message: `${host}: interrupted while connecting` })
    case 'locked':
      return new ProvisionError({
        code: 'locked',
        message: `${host}: locked by ${failure.text}`,
        hint: 'Wait until that run ends; the lock goes with it.',
      })
    case 'refused':
      return new ProvisionError({ code: 'locked', message: `${host}: ${failure.text}`, detail })
    case 'password':
      return explainPassword(become, target)
    case 'slow':
      return new ProvisionError({
        code: 'unreachable',
        message: `${host}: the agent did not start in time${become.method === 'none' ? '' : ` (by ${become.method})`}`,
        detail,
        hint: 'If the host is that slow: connectTimeout in the inventory.',
      })
    case 'ended':
      return explainEnd(failure, become, target, detail)
  }
}

function explainPassword(become: Become, target: Target): ProvisionError {
  const host = describeTarget(target)
  const owner = become.method === 'su' ? become.user : target.user
  if (become.prompt?.password === undefined) {
    return new ProvisionError({
      code: 'become',
      message: `${host}: ${become.method} asks for the password of ${owner} to become ${become.user}, and none was given`,
      hint: 'Give it with --ask-become-pass or becomePassword in the inventory.',
    })
  }
  return new ProvisionError({
    code: 'become',
    message: `${host}: ${become.method} refused the password of ${owner}: it is wrong`,
    hint: 'Set becomePassword in the inventory, or give --ask-become-pass.',
  })
}

function explainEnd(failure: StartFailure, become: Become, target: Target, detail: string | undefined): ProvisionError {
  const host = describeTarget(target)
  if (failure.end?.code === undefined) {
    return new ProvisionError({
      code: 'unreachable',
      message: `${host}: the connection was lost before the agent started${failure.end?.error ? `: ${failure.end.error.message}` : ''}`,
      detail,
      cause: failure.end?.error,
    })
  }
  const reason = become.method === 'none' ? undefined : reasons.find(({ seen }) => seen.test(failure.output))
  if (reason) {
    return new ProvisionError({
      code: 'become',
      message: `${host}: ${reason.message(become, target)}`,
      detail,
      hint: reason.hint?.(become, target),
    })
  }
  return new ProvisionError({
    code: become.method === 'none' ? 'unreachable' : 'become',
    message: `${host}: ${become.method === 'none' ? 'the login shell' : become.method} ended with exit code ${failure.end.code} before the agent started`,
    detail: detail ?? 'it printed nothing',
  })
}
