// What the command says of templates. Each row: what somebody wrote, and every word of the answer.
import { table } from './table.ts'

table([
  {
    title: 'a template that is not there',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd' })]",
    says: `✗ file.template on web1: template 'motd.ejs' was not found                    playbooks/site.ts:3:66

    Looked at:
      %/playbooks/motd.ejs
      %/playbooks/templates/motd.ejs
      %/templates/motd.ejs
`,
  },
  {
    title: 'a misspelt template',
    args: ['--check'],
    tasks: "[file.template({ src: 'mtod.ejs', dest: '/etc/motd' })]",
    files: {
      'templates/motd.ejs': `Welcome
`,
    },
    says: `✗ file.template on web1: template 'mtod.ejs' was not found                    playbooks/site.ts:3:66

    Looked at:
      %/playbooks/mtod.ejs
      %/playbooks/templates/mtod.ejs
      %/templates/mtod.ejs

  Did you mean 'motd.ejs'?
`,
  },
  {
    title: 'a misspelt variable of a template',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd', vars: { domain: 'a' } })]",
    files: {
      'templates/motd.ejs': `Welcome
to <%= domian %>
`,
    },
    says: `✗ file.template on web1: template motd.ejs: variable 'domian' is not defined  templates/motd.ejs:2:8

      1 | Welcome
    > 2 | to <%= domian %>
        |        ^

  Did you mean 'domain'?
`,
  },
  {
    title: 'a tag that is not closed',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd' })]",
    files: {
      'templates/motd.ejs': `Welcome
to <%= host.name 
`,
    },
    says: `✗ file.template on web1: template motd.ejs: <%= is never closed with %>       templates/motd.ejs:2:4

      1 | Welcome
    > 2 | to <%= host.name
        |    ^
`,
  },
  {
    title: 'a template with a mistake in its code',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd' })]",
    files: {
      'templates/motd.ejs': `<% for (const x of [1) { %>
<% } %>
`,
    },
    says: `✗ file.template on web1: template motd.ejs: the code does not parse: Unexpected token ')'
  templates/motd.ejs:1:1

    > 1 | <% for (const x of [1) { %>
      2 | <% } %>
`,
  },
  {
    title: 'a template that prints what is not defined',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd', vars: { site: {} } })]",
    files: {
      'templates/motd.ejs': `Welcome
to <%= site.domain %>
`,
    },
    says: `✗ file.template on web1: template motd.ejs: <%= site.domain %> is undefined, expected a text or a number
  templates/motd.ejs:2:4

      1 | Welcome
    > 2 | to <%= site.domain %>
        |    ^
`,
  },
  {
    title: 'a template that prints an object',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd', vars: { site: {} } })]",
    files: {
      'templates/motd.ejs': `to <%= site %>
`,
    },
    says: `✗ file.template on web1: template motd.ejs: <%= site %> is an object, expected a text or a number
  templates/motd.ejs:1:4

    > 1 | to <%= site %>
        |    ^

  Print one of its properties, or JSON.stringify(site).
`,
  },
  {
    title: 'a template that throws',
    args: ['--check'],
    tasks: "[file.template({ src: 'motd.ejs', dest: '/etc/motd', vars: { sites: undefined } })]",
    files: {
      'templates/motd.ejs': `<% sites.forEach(() => {}) %>
`,
    },
    says: `✗ file.template on web1: template motd.ejs: TypeError: Cannot read properties of undefined (reading 'forEach')
  templates/motd.ejs:1:1

    > 1 | <% sites.forEach(() => {}) %>
        | ^
`,
  },
])
