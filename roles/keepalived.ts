// A floating address for the load balancers: whoever holds it answers, and another takes it over when HAProxy or the host fails.
// VRRP by unicast, so it works where multicast does not; the firewall role lets it in from the other balancers alone.
import { apt, assert, file, handler, given as ifSo, role, shell, systemd, user, wait } from 'hostwright'
import { floatingAddressOf } from './floating-address.ts'
import { agrees, checker, configuration, held, params, runs, validate } from './keepalived-configuration.ts'

export type { KeepalivedParams } from './keepalived-configuration.ts'

/**
 * The floating address of the site, on the hosts of group `lb`. Put it after `haproxy`, whose health it follows.
 * @example play({ hosts: 'lb', roles: (host) => [haproxy({ domains: ['www.example.com'] }), host.vars.site?.floatingAddress !== undefined && keepalived()] })
 */
export const keepalived = role(
  'keepalived',
  {
    params,
    openings: (_given, host) => [
      {
        protocol: 'vrrp',
        from: floatingAddressOf(host).peers.map((peer) => peer.address),
        comment: 'VRRP from the other load balancers',
      },
    ],
    verify: (given, host) => {
      const { address, peers } = floatingAddressOf(host)
      const holds = shell.command({ name: `whether the kernel has ${address}`, run: held(address), probe: true })
      return [
        assert({ name: 'keepalived runs the configuration that was written', that: runs(configuration(given, host)) }),
        holds,
        assert({
          name: 'this host holds the floating address, or sees who does',
          that: agrees(
            address,
            peers.map((peer) => peer.address),
          ),
        }),
        ...peers.map((peer) =>
          assert({
            name: `${peer.name} does not hold ${address} as well`,
            that: `[ "$(${held(address)})" = no ]`,
            message: `${host.name} and ${peer.name} both hold ${address}: they do not see each other's advertisements`,
            on: peer.name,
            when: ifSo(holds, ({ stdout }) => stdout.trim() === 'yes', `${host.name} does not hold it`),
          }),
        ),
        wait.port({ name: `${address} answers`, host: address, port: 443, timeout: 10 }),
      ]
    },
  },
  (given, host) => {
    const { address } = floatingAddressOf(host)
    const vars = configuration(given, host)
    // never a restart: it would give the address away
    const reload = handler(
      [
        systemd.service({ unit: 'keepalived', state: 'reloaded' }),
        assert({ name: 'keepalived runs it', that: runs(vars) }),
      ],
      { name: 'reload keepalived' },
    )
    return [
      apt.package({ pkg: ['keepalived', 'curl'], startServices: false }),
      user({ name: checker, system: true, createHome: false, home: '/nonexistent', shell: '/usr/sbin/nologin' }),
      assert({
        name: `${address} is in a network of this host`,
        that: `case $(ip -4 -o route get ${address}) in *' via '*) exit 1 ;; *' dev ${vars.device} '* | local*) ;; *) exit 1 ;; esac`,
        message: `${address} belongs to no network of ${vars.device}: nobody there would find it`,
      }),
      systemd.unit({
        name: 'keepalived.service.d/provision.conf',
        // what only a restart would bring waits for the next one
        content: '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=on-failure\nRestartSec=1\nPrivateTmp=yes\n',
      }),
      file.template({
        src: 'keepalived/keepalived.conf.ejs',
        dest: '/etc/keepalived/keepalived.conf',
        mode: '0644',
        vars,
        validate,
        notify: reload,
      }),
      systemd.service({ unit: 'keepalived', state: 'started', enabled: true }),
      wait.port({ name: `a load balancer holds ${address}`, host: address, port: 443, timeout: 60 }),
    ]
  },
)
