// Floods, as far as the kernel of each host is concerned. What the balancer, nginx and the firewall count is in their own roles; the numbers of
// all of them are in ddos-profile.ts.
import { assert, file, role, sysctl } from 'hostwright'
import { ddosProfileOf } from './ddos-profile.ts'

const path = '/etc/sysctl.d/61-floods.conf'

/**
 * Kernel parameters for `site.ddosProtection`: cookies instead of memory for half-open connections, longer queues, fewer answers to those
 * who do not come back. `off` takes its file away; the running kernel has the values until it boots.
 * @example play({ hosts: 'all', roles: [base(), floods(), firewall()] })
 */
export const floods = role(
  'floods',
  {
    params: {},
    verify: (_params, host) =>
      ddosProfileOf(host) && [
        assert({
          that: '[ "$(cat /proc/sys/net/ipv4/tcp_syncookies)" != 0 ]',
          message: 'the kernel answers a flood of half-open connections with cookies',
        }),
      ],
  },
  (_params, host) => {
    const profile = ddosProfileOf(host)
    return profile
      ? sysctl({ name: 'kernel parameters against floods', file: path, settings: profile.kernel })
      : file.absent({ path })
  },
)
