// SPDX-License-Identifier: Apache-2.0

/** One golden capture: what is run against the dark network 198.18.0.0/24, which stands behind 10.9.0.2. */
export interface Scan {
  readonly name: string;
  /** Command and arguments; the first word is also the program asked for its version. */
  readonly command: readonly string[];
  /** What must be true of it whatever the tool's chance does: checked when the capture is made. */
  readonly says: string;
}

export const dark = "198.18.0.0/24";
export const scannerAddress = "10.9.0.1";
export const routerAddress = "10.9.0.2";
export const routerMac = "02:00:00:00:09:02";
export const scannerMac = "02:00:00:00:09:01";

const words = (text: string): string[] => text.split(" ");
const dashed = (mac: string): string => mac.replaceAll(":", "-");
const zmap = (...more: string[]): string[] => [
  ...words(
    `zmap -i scan0 -G ${routerMac} -S ${scannerAddress} --source-mac ${scannerMac} -r 500 -c 1 -B 1M -q -e 2026`,
  ),
  ...words("-o /dev/null -b /dev/null --disable-syslog"),
  ...more,
  dark,
];
const masscan = (...more: string[]): string[] => [
  ...words(`masscan --interface scan0 --router-mac ${dashed(routerMac)} --adapter-ip ${scannerAddress}`),
  ...words(`--adapter-mac ${dashed(scannerMac)} --rate 500 --wait 0 --seed 2026`),
  ...more,
  dark,
];
const nmap = (...more: string[]): string[] => [
  ...words("nmap -n -Pn --disable-arp-ping --max-retries 0 --min-rate 400 --send-ip -oN /dev/null"),
  ...more,
];
const hping = (...more: string[]): string[] => ["hping3", "-q", "-n", ...more];

export const scans: readonly Scan[] = [
  { name: "zmap-tcp", command: zmap("-p", "23"), says: "one SYN to each address, marked" },
  {
    name: "zmap-udp",
    command: zmap("-M", "udp", "-p", "53", "--probe-args=text:layang"),
    says: "one datagram to each address, with ZMap's IP ID",
  },
  {
    name: "zmap-ping",
    command: zmap("-M", "icmp_echoscan"),
    says: "one echo request to each address, with ZMap's IP ID",
  },
  { name: "masscan", command: masscan("-p", "80,2323"), says: "two SYNs to each address, marked" },
  { name: "masscan-udp", command: masscan("-p", "U:161"), says: "one datagram to each address" },
  { name: "masscan-ping", command: masscan("--ping"), says: "one echo request to each address" },
  { name: "nmap-syn", command: nmap("-sS", "-p", "22,445", "198.18.0.0/25"), says: "SYNs with an MSS, no mark" },
  { name: "nmap-connect", command: nmap("-sT", "-p", "8080", "198.18.0.0/27"), says: "the system's own SYNs, no mark" },
  { name: "nmap-odd", command: nmap("-sX", "-p", "22,80", "198.18.0.0/27"), says: "FIN, PSH and URG: no SYN" },
  { name: "nmap-null", command: nmap("-sN", "-p", "80", "198.18.0.0/27"), says: "no flags at all" },
  { name: "nmap-udp", command: nmap("-sU", "-p", "53,123", "198.18.0.0/28"), says: "datagrams" },
  { name: "nmap-fragments", command: nmap("-sS", "-f", "-p", "23", "198.18.0.0/28"), says: "fragments of 8 bytes" },
  {
    name: "hping-syn",
    command: hping("-S", "-p", "37215", "-i", "u2000", "-c", "100", "198.18.0.7"),
    says: "SYNs to one address",
  },
  {
    name: "hping-syn-ack",
    command: hping("-S", "-A", "-s", "443", "-k", "-p", "51000", "-i", "u2000", "-c", "100", "198.18.0.8"),
    says: "as an attack's echo",
  },
  {
    name: "hping-rst",
    command: hping("-R", "-s", "80", "-k", "-p", "40000", "-i", "u2000", "-c", "60", "198.18.0.9"),
    says: "resets from port 80",
  },
  {
    name: "hping-rand-source",
    command: hping("-S", "-p", "80", "--rand-source", "-i", "u2000", "-c", "150", "198.18.0.10"),
    says: "a new forged source a packet",
  },
  {
    name: "hping-udp",
    command: hping("--udp", "-p", "1900", "-d", "90", "-i", "u2000", "-c", "60", "198.18.0.11"),
    says: "datagrams of 90 bytes",
  },
  {
    name: "hping-unreachable",
    command: hping("--icmp", "-C", "3", "-K", "3", "-i", "u2000", "-c", "40", "198.18.0.12"),
    says: "port unreachable, quoting",
  },
  {
    name: "hping-xmas",
    command: hping("-F", "-P", "-U", "-p", "80", "-i", "u2000", "-c", "40", "198.18.0.13"),
    says: "odd flags",
  },
];
