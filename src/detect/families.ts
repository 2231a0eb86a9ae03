// SPDX-License-Identifier: Apache-2.0

/**
 * What a port tells of who asks for it. Ports alone name a habit, not a program: the families here are classes of bots, with
 * the share of a source's packets that must go to their ports, and they carry less confidence than a mark.
 */
interface Family {
  readonly name: string;
  readonly ports: ReadonlySet<string>;
}
const tcp = (...ports: readonly number[]): ReadonlySet<string> => new Set(ports.map((port) => `${port}/tcp`));

const families: readonly Family[] = [
  // Telnet of devices, and the ports of the exploits that Mirai's children carry (TSUBAME Overflow 2022: 23, 2323, 37215, 5501; NPA 2017: 32, 3232).
  {
    name: "iot-telnet",
    ports: tcp(
      23,
      2323,
      23231,
      60023,
      26,
      32,
      3232,
      37215,
      52869,
      5501,
      81,
      8081,
      80,
      8080,
      9530,
      7547,
      5555,
      22,
      2222,
    ),
  },
  { name: "android-adb", ports: tcp(5555, 4899) },
  { name: "smb-worm", ports: tcp(445, 139, 1433) },
  { name: "ssh-bruteforce", ports: tcp(22, 2222, 222) },
  { name: "rdp-bruteforce", ports: tcp(3389, 3388, 3390) },
  { name: "database-worm", ports: tcp(1433, 3306, 5432, 6379, 27017) },
  { name: "web-bot", ports: tcp(80, 443, 8080, 8443, 8081, 81, 8888) },
  { name: "mail-bot", ports: tcp(25, 465, 587) },
];
/** A telnet family needs telnet or an exploit of its own, not just web ports that others ask for too. */
const telnet = tcp(23, 2323, 23231, 60023, 26, 32, 3232, 37215, 52869, 5501, 9530);
const SHARE = 0.9;

/** The class of bot whose ports take nine tenths of the packets; null where no class fits. */
export const familyOfPorts = (ports: readonly (readonly [string, number])[], packets: number): string | null => {
  const within = (set: ReadonlySet<string>): number =>
    ports.reduce((sum, [port, n]) => sum + (set.has(port) ? n : 0), 0);
  for (const { name, ports: own } of families) {
    if (within(own) < SHARE * packets) continue;
    if (name === "iot-telnet" && within(telnet) < 0.3 * packets) continue;
    return name;
  }
  return null;
};

/** UDP services that answer with more than they were asked (CISA TA14-017A and later finds). */
export const amplifiers: ReadonlyMap<number, string> = new Map([
  [17, "qotd"],
  [19, "chargen"],
  [53, "dns"],
  [69, "tftp"],
  [111, "portmap"],
  [123, "ntp"],
  [137, "netbios"],
  [161, "snmp"],
  [389, "cldap"],
  [520, "rip"],
  [623, "ipmi"],
  [1434, "mssql-monitor"],
  [1900, "ssdp"],
  [3283, "ard"],
  [3389, "rdp"],
  [3478, "stun"],
  [3702, "ws-discovery"],
  [5093, "sentinel"],
  [5351, "nat-pmp"],
  [5353, "mdns"],
  [5683, "coap"],
  [10001, "ubiquiti"],
  [10074, "tp240"],
  [11211, "memcached"],
  [27015, "steam"],
  [27960, "quake3"],
  [32414, "plex"],
  [37810, "dvr-dhcp"],
]);
/** A port of this kind, as evidence writes ports. */
export const isAmplifier = (port: string): boolean =>
  port.endsWith("/udp") && amplifiers.has(Number(port.slice(0, port.indexOf("/"))));
