// What lynis and OpenSCAP still say of hardened hosts, and why it is left. docs/roles/hardening.md has the same as a table.
import type { Explanation } from './findings.ts'

export const hardeningFindings: readonly Explanation[] = [
  {
    tool: 'lynis',
    id: 'DEB-0280',
    why: 'libpam-tmpdir gives each session its own TMPDIR; scripts that become another user then find a directory they may not enter.',
  },
  { tool: 'lynis', id: 'DEB-0810', why: 'apt-listbugs asks a person. Installations here run without one.' },
  {
    tool: 'lynis',
    id: 'DEB-0811',
    why: 'apt-listchanges shows a person what changed. Installations here run without one.',
  },
  {
    tool: 'lynis',
    id: 'DEB-0880',
    why: 'Our settings are in jail.d/10-provision.local, which is read after jail.conf and survives updates just as jail.local does.',
  },
  { tool: 'lynis', id: 'BOOT-5180', why: 'lynis looks for a System V runlevel; systemd starts these hosts.' },
  {
    tool: 'lynis',
    id: 'BOOT-5264',
    why: "Our own daemons have sandboxes. What is left are units of Debian's (ssh, cron, getty, user sessions) that must become other users.",
  },
  { tool: 'lynis', id: 'KRNL-5788', why: 'A container has no kernel of its own.' },
  {
    tool: 'lynis',
    id: 'KRNL-6000',
    why: 'kernel.modules_disabled would break the firewall, net.ipv4.conf.all.forwarding is wished by container hosts, and a container of the lab cannot set kernel.*; the file is written.',
  },
  { tool: 'lynis', id: 'AUTH-9262', why: 'Nobody logs in with a password: only keys are taken.' },
  { tool: 'lynis', id: 'AUTH-9284', why: "The locked accounts are those of Debian's packages." },
  {
    tool: 'lynis',
    id: 'AUTH-9286',
    why: 'An expired password would lock out a key too; nobody logs in with a password.',
  },
  {
    tool: 'lynis',
    id: 'FILE-6310',
    why: 'Partitions are made when a host is installed, not by a role on a running one.',
  },
  { tool: 'lynis', id: 'NAME-4028', why: "The lab's hosts have names without a domain." },
  {
    tool: 'lynis',
    id: 'PKGS-7388',
    why: "The lab's mirror has no security archive of its own. On a real host Debian's installer writes it.",
  },
  {
    tool: 'lynis',
    id: 'PKGS-7394',
    why: 'apt-show-versions only shows what `provision` and unattended-upgrades know.',
  },
  {
    tool: 'lynis',
    id: 'PKGS-7370',
    why: 'debsums runs weekly (CRON_CHECK in /etc/default/debsums); some versions of lynis look for another spelling.',
  },
  {
    tool: 'lynis',
    id: 'NETW-3200',
    why: 'The modules are blocked in /etc/modprobe.d/provision-hardening.conf (install … /bin/false); lynis 3.0 looks for another file.',
  },
  { tool: 'lynis', id: 'FIRE-4513', why: 'Rules that nobody has used yet are wanted: they are the ports of peers.' },
  {
    tool: 'lynis',
    id: 'SSH-7408',
    why: 'MaxSessions 10: provision and rsync share connections. The port stays 22: another number hides nothing from a scan.',
  },
  {
    tool: 'lynis',
    id: 'LOGG-2154',
    why: "Chosen by the group `logs`; lynis does not know rsyslog's own omfwd syntax with TLS.",
  },
  { tool: 'lynis', id: 'ACCT-9622', why: 'hardening.accounting is off: on busy servers it writes a record a process.' },
  { tool: 'lynis', id: 'ACCT-9626', why: 'The node exporter of the role monitoring has what sysstat would collect.' },
  {
    tool: 'lynis',
    id: 'ACCT-9628',
    why: 'The kernel of the lab keeps no audit log; auditd is installed and configured, and runs where the kernel does.',
  },
  {
    tool: 'lynis',
    id: 'FINT-4350',
    why: 'A file integrity database has to be kept up by people; debsums checks packages, provision watch our own files.',
  },
  { tool: 'lynis', id: 'TOOL-5002', why: 'lynis knows neither provision nor anything that leaves nothing behind.' },
  { tool: 'lynis', id: 'HRDN-7222', why: 'No role installs a compiler; where one is there a person put it.' },
  { tool: 'lynis', id: 'HRDN-7230', why: 'Malware scanners for Linux servers find little and read every file.' },
  {
    tool: 'lynis',
    id: 'HTTP-6710',
    why: "lynis looks at every block of nginx's files: those for checks on the host itself have no TLS, and Debian's nginx.conf has defaults that our server blocks override. Offered are TLS 1.2 and 1.3 alone.",
  },
  {
    tool: 'lynis',
    id: 'HTTP-6712',
    why: 'The site is logged; health checks, counters and the page of the monitor are not (access_log off).',
  },
  {
    tool: 'lynis',
    id: 'HOME-9304',
    hosts: /^mon/,
    why: "The home of the account that backups come in by: sshd shuts a user in only in a folder that is root's and that all may enter.",
  },
  {
    tool: 'lynis',
    id: 'HOME-9306',
    hosts: /^mon/,
    why: "The home of the account that backups come in by: sshd shuts a user in only in a folder that is root's.",
  },
  { tool: 'lynis', id: 'LYNIS', why: "The package is as old as Debian's release." },
  {
    tool: 'openscap',
    id: 'partition_for_home',
    why: 'Partitions are made when a host is installed, not by a role on a running one.',
  },
  {
    tool: 'openscap',
    id: 'partition_for_var',
    why: 'Partitions are made when a host is installed, not by a role on a running one.',
  },
  {
    tool: 'openscap',
    id: 'partition_for_var_log',
    why: 'Partitions are made when a host is installed, not by a role on a running one.',
  },
  {
    tool: 'openscap',
    id: 'partition_for_var_log_audit',
    why: 'Partitions are made when a host is installed, not by a role on a running one.',
  },
]
