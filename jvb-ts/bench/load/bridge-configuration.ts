/** The configuration that both bridges are measured with. */

export const PUBLIC_PORT = 9090;
export const PRIVATE_PORT = 8080;

/** What is said is where things are; all else has its default. */
export function bridgeConfiguration(
  login: {
    readonly port: number;
    readonly domain: string;
    readonly password: string;
    readonly brewery: string;
  },
  mediaPort: number,
): string {
  return `videobridge {
  apis {
    xmpp-client {
      presence-interval = 5 seconds
      configs.load {
        hostname = "127.0.0.1"
        port = ${login.port}
        domain = "${login.domain}"
        username = "jvb"
        password = "${login.password}"
        muc_jids = "${login.brewery}"
        muc_nickname = "jvb1"
        disable_certificate_verification = true
      }
    }
    rest.enabled = true
  }
  http-servers {
    public { host = "127.0.0.1", port = ${PUBLIC_PORT} }
    private { host = "127.0.0.1", port = ${PRIVATE_PORT} }
  }
  websockets {
    enabled = true
    server-id = "jvb1"
    domains = [ "127.0.0.1:${PUBLIC_PORT}" ]
    tls = false
  }
  sctp.enabled = false
  health.require-valid-address = false
  ice.udp.port = ${mediaPort}
}
ice4j.harvest {
  use-ipv6 = false
  allowed-interfaces = [ "v0" ]
  mapping { aws.enabled = false, stun.enabled = false, static-mappings = [] }
}
`;
}
