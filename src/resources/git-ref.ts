// What git.checkout and release.deploy share: a branch, tag or commit as a commit, from the answer of git-ls-remote(1).
import * as v from 'valibot'

/** The URL or path of a repository. A password in it would stand in process lists and in the work tree's own files. */
export const repositoryUrl = v.pipe(
  v.string(),
  v.regex(/^[^-\s]\S*$|^\/.*$/, 'expected the URL or path of a repository'),
  v.check(
    (url) => !/^[a-z+]+:\/\/[^/@]*:[^/@]+@/i.test(url),
    'expected a URL without a password (use a key, or a credential helper of the user who runs git)',
  ),
)

/** A branch, a tag or a full commit id. */
export const version = v.pipe(v.string(), v.regex(/^[^-\s~^:?*[\\][^\s~^:?*[\\]*$/, 'expected a branch, tag or commit'))

/** Whether a version is a commit's full id already. */
export function isCommit(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

/** The references that a version may mean, for ls-remote. */
export function referencesOf(text: string): readonly string[] {
  return text === 'HEAD' ? ['HEAD'] : [`refs/heads/${text}`, `refs/tags/${text}`, `refs/tags/${text}^{}`]
}

/** The commit that ls-remote named; a tag goes before a branch, as git itself has it. Empty if there is none. */
export function commitOf(answer: string, text: string): string {
  const known = new Map(answer.split('\n').map((line) => [line.split('\t')[1] ?? '', line.split('\t')[0] ?? '']))
  // an annotated tag stands for the commit behind it, which comes as ^{}
  const found = [...referencesOf(text)].reverse().map((reference) => known.get(reference))
  return found.find((commit) => commit !== undefined && isCommit(commit)) ?? ''
}

/** How git calls ssh so that it never waits for an answer. */
export function sshCommand(hostKeyChecking: 'strict' | 'accept-new' | undefined): string {
  return `ssh -o BatchMode=yes -o ConnectTimeout=15 -o StrictHostKeyChecking=${hostKeyChecking === 'accept-new' ? 'accept-new' : 'yes'}`
}
