// SQL text from values. Every statement we send runs under sql_mode NO_BACKSLASH_ESCAPES with utf8mb4, where a string
// literal has one special character, the quote, and is read the same by MySQL, MariaDB and both command line clients.

/** First line of every SQL text that we send: makes `literal` and `identifier` exact, whatever the server's own mode is. */
export const sessionMode = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';"

/** A string literal, for a session in `sessionMode`. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new TypeError('a NUL byte cannot be part of an SQL text')
  return `'${text.replaceAll("'", "''")}'`
}

/** A quoted identifier: a schema, a table, a column. */
export function identifier(name: string): string {
  if (name.includes('\0')) throw new TypeError('a NUL byte cannot be part of an SQL text')
  return `\`${name.replaceAll('`', '``')}\``
}

/** `'user'@'host'` for a session in `sessionMode`. */
export function account(user: string, host: string): string {
  return `${literal(user)}@${literal(host)}`
}

/** One column of `mysql --batch` as it was in the table: batch mode escapes newline, tab, NUL and backslash. */
export function unescapeColumn(text: string): string {
  return text.replace(/\\(.)/g, (_all, character: string) => {
    if (character === 'n') return '\n'
    if (character === 't') return '\t'
    if (character === '0') return '\0'
    return character
  })
}

/** The rows of a `mysql --batch --skip-column-names` answer. */
export function parseRows(stdout: string): string[][] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t').map(unescapeColumn))
}
