// HAProxy in front: HTTPS with redirect, health checks, one backend over the web servers.
import { apt, file, handler, type RoleExample, role, shell, systemd, wait } from 'hostwright'
import { endpointOpenings } from './database-endpoint.ts'
import { certificateTasks } from './haproxy-certificate.ts'
import { certificates, configuration, params } from './haproxy-configuration.ts'
import { metricsOpenings } from './haproxy-metrics.ts'
import { peersChecks, peersOpenings } from './haproxy-peers.ts'

export type { HaproxyParams } from './haproxy-configuration.ts'

/**
 * The load balancer. Put `letsencrypt` after it for real certificates; until then it serves a self-signed one.
 * @example play({ hosts: 'lb', roles: [haproxy({ domains: ['www.example.com', 'example.com'], balance: 'leastconn' })] })
 */
export const haproxy = role(
  'haproxy',
  {
    params,
    openings: (_, host) => [
      { port: 80, comment: 'http (redirect and ACME)' },
      { port: 443, comment: 'https' },
      ...endpointOpenings(host),
      ...peersOpenings(host),
      ...metricsOpenings(host),
    ],
    verify: (given, host) => [
      wait.http({
        name: 'haproxy runs the configuration that was written',
        url: 'http://127.0.0.1:8404/config',
        contains: configuration(given, host).fingerprint,
        timeout: 5,
      }),
      shell.command({
        name: 'every web server is up',
        run: `echo 'show stat' | socat - /run/haproxy/admin.sock | awk -F, '$1 == "web" && $2 != "BACKEND" && $18 !~ /^UP/ { print $2 " is " $18; bad = 1 } END { exit bad }'`,
        probe: true,
      }),
      peersChecks(host),
    ],
  },
  (given, host) => {
    const vars = configuration(given, host)
    // A reload that returned 0 is no proof: the old worker may still serve. Ask the process itself.
    const reload = handler(
      [
        systemd.service({ unit: 'haproxy', state: 'reloaded' }),
        wait.http({ url: 'http://127.0.0.1:8404/config', contains: vars.fingerprint, timeout: 15 }),
      ],
      { name: 'reload haproxy' },
    )
    return [
      apt.package({ pkg: ['haproxy', 'socat', 'openssl', 'curl'], startServices: false }),
      file.directory({ path: certificates, mode: '0700', owner: 'root', group: 'root' }),
      // HAProxy cannot listen on 443 without any certificate: a placeholder until the first real one is there.
      shell.command({
        name: 'placeholder certificate',
        run: `umask 077
dir=$(mktemp -d)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=placeholder.invalid -keyout "$dir/key" -out "$dir/cert" 2>/dev/null
cat "$dir/cert" "$dir/key" >${certificates}/.placeholder
mv -f ${certificates}/.placeholder ${certificates}/00-placeholder.pem
rm -r "$dir"`,
        unless: `ls ${certificates}/*.pem`,
      }),
      (vars.servers.some((server) => server.tls) || vars.peers || vars.metrics) && certificateTasks(host, reload),
      file.template({
        src: 'haproxy/haproxy.cfg.ejs',
        dest: '/etc/haproxy/haproxy.cfg',
        mode: '0644',
        vars,
        validate: 'haproxy -c -q -dW -f %s',
        notify: reload,
      }),
      systemd.service({ unit: 'haproxy', state: 'started', enabled: true }),
    ]
  },
)

/** For `provision test haproxy`: a load balancer with nothing behind it yet. */
export const example: RoleExample = { roles: [haproxy({ domains: ['www.example.org'], servers: [] })] }
