// What the command says of secrets, vaults and keys. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

/** Made for this test; it holds nothing that anybody uses. */
const vault = `-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSB2YXU5RjNtRmRzckIvaUU4
NFpWbDQza1N3eC9nY3JnV3RRYnhTMWY2SDBzCmt3QU5qRHhGNlhtbTNrWHJqeXpJ
VXhJYXl2Um9WbnNEbXpoc0pFU0ZtUmcKLS0tIDN1UXN3dzZSaGwwODRBNjh4Y1d5
UjI5WXFNVDRvaFM4WFBLajVGZFRaVXMKjHmhIlTafq77xGV82xdlNqb7Xys60Q1J
kdmSVQldSEz8IMJ/zMAIrMl7ILd2SjjBsETLgLc+mNN4XM0Gz61rv6AHJOXCd6N7
DOfdl3i5/in53OGQiYT28FGiCAG6W43S7ZVBfwJ9R8MnConcTnGP7x6mBXCnChDQ
xB0sPaZL5lT1FNAt8hO09Vl0
-----END AGE ENCRYPTED FILE-----
`
const key = 'AGE-SECRET-KEY-1LPXJJVXQZPXFYSCCQHRWCYN5L27F8GZALUDLN9JUT2QCDCHQ5H4QDN2SRL'
const othersKey = 'AGE-SECRET-KEY-1LM657FGRDC5ASHMM73WUHSUHSJ9X76YCYWPD0S3HNGMJFE93CR7QQU8FSF'

table([
  {
    title: 'a secret with an odd name',
    args: ['--check'],
    tasks: "[file.file({ dest: '/a', content: secret('db root') })]",
    says: `✗ file.file on web1: secret('db root'): expected a name of letters, digits, and . _ - / such as 'db.replication'
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a secret that is too short to hide',
    args: ['--check'],
    tasks: "[file.file({ dest: '/a', content: secret('db.root') })]",
    env: { PROVISION_SECRET_DB_ROOT: 'abc' },
    says: `✗ file.file on web1: secret 'db.root' from the environment has only 3 characters, expected at least 4: a shorter one could not be hidden in output
  playbooks/site.ts:3:66
`,
  },
  {
    title: 'a file of secrets that others can read',
    args: ['--check'],
    tasks: "[file.file({ dest: '/a', content: secret('db.root') })]",
    files: { '.provision/secrets.json': '{}' },
    says: `✗ file.file on web1: %/.provision/secrets.json is open to other users (mode 0644), expected 0600
  playbooks/site.ts:3:66

  Try: chmod 600 %/.provision/secrets.json
`,
  },
  {
    title: 'a vault that is not there',
    args: ['vault', 'view'],
    says: `✗ %/secrets.age is not there, expected a vault

  Make one: provision vault init
`,
  },
  {
    title: 'a vault without a key',
    args: ['vault', 'view'],
    files: { 'secrets.age': vault },
    says: `✗ %/secrets.age is needed, and there is no key to open it

  Put the key into %/.config/provision/key (mode 0600), or name it: PROVISION_VAULT_KEY_FILE, --vault-key-file FILE, or its text in PROVISION_VAULT_KEY.
`,
  },
  {
    title: 'a vault that is none',
    args: ['vault', 'view'],
    files: {
      'secrets.age': `hello
`,
    },
    env: { PROVISION_VAULT_KEY: key },
    says: `✗ %/secrets.age was cut short or changed: it is no whole file of age any more

  Take the last good one, from git (git checkout HEAD -- %/secrets.age) or from a backup.
`,
  },
  {
    title: 'a vault that was cut short',
    args: ['vault', 'view'],
    files: { 'secrets.age': vault.slice(0, 200) },
    env: { PROVISION_VAULT_KEY: key },
    says: `✗ %/secrets.age was cut short or changed: it is no whole file of age any more

  Take the last good one, from git (git checkout HEAD -- %/secrets.age) or from a backup.
`,
  },
  {
    title: 'the key of somebody else',
    args: ['vault', 'view'],
    files: { 'secrets.age': vault },
    env: { PROVISION_VAULT_KEY: othersKey },
    says: `✗ the key does not open %/secrets.age: it is not encrypted to it

  Let somebody who can open it add you (provision vault key prints your public key, provision vault recipients add takes it), or name another key: --vault-key-file FILE.
`,
  },
  {
    title: 'a key that breaks off',
    args: ['vault', 'view'],
    files: { 'secrets.age': vault },
    env: { PROVISION_VAULT_KEY: 'AGE-SECRET-KEY-1ABC' },
    says: `✗ the key for %/secrets.age is not whole: expected AGE-SECRET-KEY-1 and 58 more characters

  Copy it again, or take it from its backup.
`,
  },
  {
    title: 'a key file that is not there',
    args: ['vault', 'view', '--vault-key-file', '%/key'],
    files: { 'secrets.age': vault },
    says: `✗ key file %/key is not there
`,
  },
  {
    title: 'a key file that others can read',
    args: ['vault', 'view', '--vault-key-file', '%/key'],
    files: { 'secrets.age': vault, key: key },
    says: `✗ key file %/key is open to other users (mode 0644), expected 0600

  Try: chmod 600 %/key; if others could really read it: make a new key and rotate the secrets.
`,
  },
  {
    title: 'a misspelt secret',
    args: ['vault', 'get', 'db.rot'],
    files: { 'secrets.age': vault },
    env: { PROVISION_VAULT_KEY: key },
    says: `✗ %/secrets.age has no secret 'db.rot'

  Did you mean 'db.root'?
`,
  },
  {
    title: 'a vault in the middle of a merge',
    args: ['vault', 'view'],
    files: {
      'secrets.age': `<<<<<<< HEAD
a
=======
b
>>>>>>> other
`,
    },
    env: { PROVISION_VAULT_KEY: key },
    says: `✗ %/secrets.age holds the marks of a merge conflict

  Take one side (git checkout --ours -- %/secrets.age) and set what the other changed; docs/secrets.md has a merge driver that does it by itself.
`,
  },
  {
    title: 'a recipient that is no key',
    args: ['vault', 'init', '--recipient', 'bob'],
    says: `✗ recipient 'bob' is no public key of age: expected 'age1' and 58 more characters, all of them right
`,
  },
  {
    title: 'a recipient that is an SSH key',
    args: ['vault', 'init', '--recipient', 'ssh-ed25519 AAAA bob'],
    says: `✗ recipient 'ssh-ed25519' is an SSH key: expected a public key of age, 'age1…'

  Its owner gets one with: provision vault key
`,
  },
])
