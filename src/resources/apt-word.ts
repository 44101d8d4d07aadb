// How users name packages: `nginx`, `nginx=1.22*`, `libc6:i386`, as apt-get(8) takes them.

/** A package as the user named it, cut apart. */
export interface PackageWord {
  readonly text: string
  readonly name: string
  readonly architecture: string | undefined
  /** May hold `*` and `?`. */
  readonly version: string | undefined
  /** Name and architecture, without the version. */
  readonly base: string
}

/** What `parseWord` takes. */
export const wordPattern = /^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~*?-]+)?$/

/** Cuts `name:architecture=version` apart. */
export function parseWord(text: string): PackageWord {
  const [base = '', version] = text.split('=')
  const [name = '', architecture] = base.split(':')
  return { text, name, architecture, version, base }
}
