// SPDX-License-Identifier: Apache-2.0

/** What usually listens where darknets are hit; names are the services' own, so no language translates them. */
const services: Readonly<Record<string, string>> = {
  "tcp/21": "FTP",
  "tcp/22": "SSH",
  "tcp/23": "Telnet",
  "tcp/25": "SMTP",
  "udp/53": "DNS",
  "tcp/53": "DNS",
  "udp/69": "TFTP",
  "tcp/80": "HTTP",
  "tcp/81": "HTTP (alt)",
  "tcp/110": "POP3",
  "udp/111": "portmap",
  "udp/123": "NTP",
  "tcp/135": "MS-RPC",
  "udp/137": "NetBIOS",
  "tcp/139": "NetBIOS",
  "tcp/143": "IMAP",
  "udp/161": "SNMP",
  "udp/389": "CLDAP",
  "tcp/443": "HTTPS",
  "udp/443": "QUIC",
  "tcp/445": "SMB",
  "udp/500": "IKE",
  "tcp/502": "Modbus",
  "tcp/554": "RTSP",
  "tcp/587": "SMTP",
  "udp/623": "IPMI",
  "tcp/993": "IMAPS",
  "tcp/1433": "MS SQL",
  "tcp/1723": "PPTP",
  "udp/1900": "SSDP",
  "tcp/1883": "MQTT",
  "tcp/2222": "SSH (alt)",
  "tcp/2323": "Telnet (alt)",
  "tcp/2375": "Docker",
  "udp/3283": "ARD",
  "tcp/3306": "MySQL",
  "tcp/3389": "RDP",
  "udp/3702": "WS-Discovery",
  "tcp/5038": "Asterisk AMI",
  "tcp/5060": "SIP",
  "udp/5060": "SIP",
  "udp/5353": "mDNS",
  "tcp/5432": "PostgreSQL",
  "tcp/5501": "DVR",
  "tcp/5555": "ADB",
  "udp/5683": "CoAP",
  "tcp/5900": "VNC",
  "tcp/6379": "Redis",
  "tcp/7547": "TR-069",
  "tcp/8000": "HTTP (alt)",
  "tcp/8080": "HTTP (alt)",
  "tcp/8081": "HTTP (alt)",
  "tcp/8088": "HTTP (alt)",
  "tcp/8443": "HTTPS (alt)",
  "tcp/8728": "RouterOS",
  "tcp/9200": "Elasticsearch",
  "tcp/9530": "DVR",
  "udp/10001": "Ubiquiti",
  "udp/11211": "memcached",
  "tcp/11211": "memcached",
  "tcp/27017": "MongoDB",
  "tcp/37215": "Huawei UPnP",
  "udp/37810": "DVR",
  "tcp/52869": "UPnP (Realtek)",
  "tcp/60023": "Telnet (alt)",
};

export const serviceOf = (protocol: string, port: number | null): string | undefined => services[`${protocol}/${port}`];

/** `23/TCP` as the region's CSIRTs write it; a protocol without ports is its own name. */
export const portName = (protocol: string, port: number | null): string =>
  port === null ? protocol.toUpperCase() : `${port}/${protocol.toUpperCase()}`;

/** `23/TCP (Telnet)` for sentences. */
export const portWords = (protocol: string, port: number | null): string => {
  const service = serviceOf(protocol, port);
  return service === undefined ? portName(protocol, port) : `${portName(protocol, port)} (${service})`;
};
