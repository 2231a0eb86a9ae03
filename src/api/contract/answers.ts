// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, type Coverage, Period, Share, Time, answer, oneOf, orNull, strict } from "./shapes.ts";

const Num = Type.Number({ minimum: 0 });
const Text = Type.String();
const MaybeText = orNull(Text);
const Port = orNull(Type.Integer({ minimum: 0, maximum: 65535 }));
/** Change against the previous period as a ratio (0.38 is up 38 %); null when there is nothing to compare with. */
const Change = orNull(Type.Number());

export const PortRow = {
  rank: Count,
  protocol: Text,
  port: Port,
  packets: Count,
  sources: Count,
  /** Share of all packets (by packets) or of all sources (by sources) that pass the filter. */
  share: Share,
  previousPackets: orNull(Count),
  previousSources: orNull(Count),
  previousRank: orNull(Count),
  change: Change,
};
export const PortsTop = answer(
  PortRow,
  {
    by: oneOf(["packets", "sources"]),
    packets: Count,
    sources: Count,
    previousPackets: orNull(Count),
    /**
     * Everything that passes the other filters, of any class where none is chosen: what sensors counted, answers to forged requests among it.
     * In released figures the same as `packets` and `sources`.
     */
    counted: Count,
    countedSources: Count,
    previousCounted: orNull(Count),
    ports: Count,
    topPort: Port,
    topProtocol: MaybeText,
    topShare: orNull(Share),
    topChange: Change,
  },
  {},
  "Destination ports by packets or by sources. Without a class filter: SYN and UDP.",
);

export const PortsBySensor = answer(
  {
    sensor: Text,
    country: MaybeText,
    rank: Count,
    protocol: Text,
    port: Port,
    packets: Count,
    sources: Count,
    share: Share,
  },
  { sensors: Count, commonPorts: Count },
  {},
  "The top ports of every sensor, side by side.",
);

export const Bucket = {
  time: Time,
  /** "" when not grouped; else the port (`tcp/23`), country, ASN, sensor, class or mark; `other` for the rest. */
  group: Text,
  /** Null where no sensor was up: nobody looked. And where what would tell is not kept any more (`meta.keptFrom`). */
  value: orNull(Count),
};
export const Series = answer(
  Bucket,
  {
    measure: oneOf(["packets", "sources", "flows"]),
    step: oneOf(["5m", "1h", "1d"]),
    /** Null where nothing of the period is kept. */
    total: orNull(Count),
    previousTotal: orNull(Count),
    change: Change,
    peak: orNull(Count),
    peakTime: orNull(Time),
    gaps: Count,
  },
  {
    groups: Type.Array(strict({ group: Text, label: Text, total: Count })),
    /** One entry a bucket, in time order, every bucket of the period. */
    buckets: Type.Array(
      strict({
        time: Time,
        /** Sensors up at any time in the bucket, of those enrolled then; null in released figures, which do not speak of sensors. */
        up: orNull(Count),
        enrolled: orNull(Count),
        /**
         * Enrolled sensors that were down for a tenth of it or more (at most ten): what they would have seen is missing in its values. Empty in
         * released figures.
         */
        down: Type.Array(Text),
        /** The bucket had not ended when the question was asked. */
        incomplete: Type.Boolean(),
        /** Partly from aggregate rows: sources are a lower bound. */
        degraded: Type.Boolean(),
      }),
    ),
  },
  "Packets, sources or flows over time under any filter.",
);

export const OnePort = answer(
  {
    ip: Text,
    asn: orNull(Count),
    network: MaybeText,
    country: MaybeText,
    packets: Count,
    mirai: Count,
    firstSeen: Time,
    lastSeen: Time,
  },
  {
    protocol: Text,
    port: Count,
    packets: Count,
    sources: Count,
    previousPackets: orNull(Count),
    previousSources: orNull(Count),
    change: Change,
    rank: orNull(Count),
    miraiPackets: Count,
    miraiShare: orNull(Share),
    sensors: Count,
    /** Null also where the period begins before rows are kept: then nobody knows. */
    firstSeen: orNull(Time),
    lastSeen: orNull(Time),
  },
  {
    series: Type.Array(
      strict({
        time: Time,
        packets: orNull(Count),
        sources: orNull(Count),
        /** Sensors that were down for a tenth of it or more, as in `series`. */
        down: Type.Array(Text),
      }),
    ),
    countries: Type.Array(strict({ country: Text, packets: Count, sources: Count })),
    networks: Type.Array(strict({ asn: orNull(Count), network: MaybeText, packets: Count, sources: Count })),
    sensorRows: Type.Array(strict({ sensor: Text, packets: Count, sources: Count })),
    signatures: Type.Array(strict({ signature: Text, packets: Count, sources: Count, mirai: Count })),
  },
  "One port: its sources (main table), series, origins, sensors and signatures.",
);

export const DomesticOverseas = answer(
  {
    /** The day (`2026-07-01`) or month (`2026-07`), UTC. */
    date: Text,
    side: oneOf(["domestic", "overseas"]),
    /** Average packets per sensor and day; null where no sensor was up. */
    perSensorDay: orNull(Num),
    packets: Count,
    sensorDays: Num,
  },
  { domestic: orNull(Num), overseas: orNull(Num), ratio: orNull(Num), sensors: Count },
  {},
  "Average packets per sensor and day: domestic is a source in the sensor's own country.",
);

export const MiraiHosts = answer(
  { date: Text, country: Text, hosts: orNull(Count) },
  { hosts: Count, topCountry: MaybeText, topHosts: Count, previousHosts: orNull(Count), change: Change },
  {
    /** The countries shown, most hosts first. */
    countries: Type.Array(strict({ country: Text, hosts: Count })),
    /** All countries together, a day a row. */
    totals: Type.Array(strict({ date: Text, hosts: orNull(Count) })),
  },
  "Hosts that sent Mirai-type packets, per country and day: the top countries and the total.",
);

export const MiraiPorts = answer(
  { rank: Count, protocol: Text, port: Port, miraiPackets: Count, packets: Count, share: Share },
  { miraiPackets: Count, packets: Count, topPort: Port, topShare: orNull(Share) },
  {},
  "Share of Mirai-type packets among the packets of each port (TSUBAME table d).",
);

export const Research = answer(
  {
    date: Text,
    packets: orNull(Count),
    /** These and the share are null where the rows that name sources are not kept any more (`meta.keptFrom`). */
    listed: orNull(Count),
    heuristic: orNull(Count),
    either: orNull(Count),
    share: orNull(Share),
  },
  {
    /** All numbers are of the days whose rows are kept. */
    packets: Count,
    listed: Count,
    heuristic: Count,
    either: Count,
    share: orNull(Share),
    sources: Count,
    listSize: Count,
  },
  {
    owners: Type.Array(strict({ owner: Text, sources: Count, packets: Count })),
  },
  "Packets of research scanners per day: on the known list, or more than 10 ports on one calendar day (UTC).",
);

export const Countries = answer(
  {
    rank: Count,
    country: Text,
    packets: Count,
    sources: Count,
    /** Null in released figures. */
    miraiSources: orNull(Count),
    share: Share,
    previousPackets: orNull(Count),
    previousSources: orNull(Count),
    change: Change,
  },
  {
    countries: Count,
    packets: Count,
    sources: Count,
    topCountry: MaybeText,
    topShare: orNull(Share),
    topChange: Change,
  },
  {},
  "Countries of the sources.",
);

export const Networks = answer(
  {
    rank: Count,
    asn: orNull(Count),
    network: MaybeText,
    country: MaybeText,
    packets: Count,
    sources: Count,
    miraiSources: Count,
    share: Share,
    previousPackets: orNull(Count),
    previousSources: orNull(Count),
    change: Change,
  },
  {
    networks: Count,
    packets: Count,
    sources: Count,
    topNetwork: MaybeText,
    topShare: orNull(Share),
    topChange: Change,
  },
  {},
  "Networks (autonomous systems) of the sources.",
);

export const SourcesTop = answer(
  {
    rank: Count,
    ip: Text,
    asn: orNull(Count),
    network: MaybeText,
    country: MaybeText,
    packets: Count,
    ports: Count,
    sensors: Count,
    mirai: Count,
    zmap: Count,
    masscan: Count,
    stateless: Count,
    share: Share,
    firstSeen: Time,
    lastSeen: Time,
  },
  { sources: Count, packets: Count, topShare: orNull(Share) },
  {},
  "Sources by packets.",
);

export const OneSource = answer(
  {
    protocol: Text,
    port: Port,
    class: Text,
    packets: Count,
    flows: Count,
    mirai: Count,
    firstSeen: Time,
    lastSeen: Time,
  },
  {
    ip: Text,
    seen: Type.Boolean(),
    /**
     * The verdict, by a stated rule, first that fits: `unseen` no packets; `research` on the known list, or more than 10 ports on
     * a day with ZMap's, masscan's or the stateless shape; `mirai-type` Mirai-marked packets at two or more (one can be chance);
     * `backscatter` mostly replies, those of UDP among them; `scanner` SYN or UDP to more than one dark address or port; else `other`.
     */
    verdict: oneOf(["unseen", "research", "mirai-type", "backscatter", "scanner", "other"]),
    asn: orNull(Count),
    network: MaybeText,
    country: MaybeText,
    packets: Count,
    bytes: Count,
    flows: Count,
    ports: Count,
    mostPortsInDay: Count,
    sensors: Count,
    /** Distinct dark addresses, sums of per-sensor counts (dark sets are disjoint); an estimate above 1,024. */
    destinations: Count,
    hoursActive: Count,
    firstSeen: orNull(Time),
    lastSeen: orNull(Time),
    ttlMin: orNull(Count),
    ttlMax: orNull(Count),
    listOwner: MaybeText,
    /** Packets that may be forged divided by packets. */
    spoofShare: orNull(Share),
  },
  {
    marks: strict({ mirai: Count, zmap: Count, masscan: Count, stateless: Count }),
    classes: Type.Array(strict({ class: Text, packets: Count })),
    spoof: Type.Array(strict({ reason: Text, packets: Count })),
    signatures: Type.Array(strict({ signature: Text, packets: Count })),
    sensorRows: Type.Array(
      strict({ sensor: Text, packets: Count, destinations: Count, firstSeen: Time, lastSeen: Time }),
    ),
    hours: Type.Array(strict({ time: Time, packets: Count })),
    /** Allow-listed fields; the dark address cannot follow from them. */
    evidence: Type.Array(
      strict({
        time: Time,
        sensor: Text,
        protocol: Text,
        sourcePort: orNull(Count),
        port: Port,
        class: Text,
        signature: MaybeText,
      }),
    ),
  },
  "Everything about one source; the main table is its ports.",
);

export const News = answer(
  {
    kind: oneOf(["new-port", "fast-port", "new-country", "fast-country"]),
    protocol: MaybeText,
    port: Port,
    country: MaybeText,
    packets: Count,
    sources: Count,
    /** Mean per day of the week before. */
    usualPackets: Num,
    usualSources: Num,
    /** Sources now divided by usual sources: of a day or less as they are, else the mean of the days; null when new. */
    times: orNull(Num),
    sensors: Count,
  },
  {
    newPorts: Count,
    fastPorts: Count,
    fastCountries: Count,
    newCountries: Count,
    rule: Text,
    /** Share of the week before in which the sensors of now were up, on average over them. */
    weekCovered: orNull(Share),
  },
  { baseline: orNull(Period) },
  "New and fast-moving ports and countries against the seven days before.",
);

export const SensorRow = {
  sensor: Text,
  country: MaybeText,
  state: oneOf(["up", "late", "down", "never", "revoked"]),
  lastSeen: orNull(Time),
  /** Seconds between the newest event time and now. */
  lagSeconds: orNull(Num),
  /** Sensor clock minus node clock. */
  skewSeconds: orNull(Type.Number()),
  /** Packets a second over the last five minutes with data. */
  rate: orNull(Num),
  read: Count,
  counted: Count,
  notDark: Count,
  undecoded: Count,
  dropped: Count,
  /** dropped / (read + dropped). */
  loss: orNull(Share),
  spoolBytes: orNull(Count),
  spoolLost: Count,
  /** IPv4 addresses; more than 2^32: it watches IPv6 alone. */
  darkAddresses: orNull(Count),
  retired: Count,
  degraded: Type.Boolean(),
  upShare: orNull(Share),
  /** From when on that is, where the sensor came within the period. */
  upSince: orNull(Time),
};
export const Sensors = answer(
  SensorRow,
  { sensors: Count, up: Count, late: Count, down: Count, downNames: Type.Array(Text), alarms: Count },
  {
    /** Up-time per five minutes: runs in time order, so that a quiet week is one run. Times before the first report are no run. */
    history: Type.Array(
      strict({
        sensor: Text,
        runs: Type.Array(strict({ from: Time, to: Time, state: oneOf(["up", "down", "degraded"]) })),
      }),
    ),
    alarms: Type.Array(strict({ time: Time, sensor: Text, kind: Text, text: Text })),
  },
  "Health of every sensor and its up-time.",
);

export const Tsubame = answer(
  /** Table (b): average packets per day and sensor, by month. */
  { month: Text, side: oneOf(["domestic", "overseas"]), perSensorDay: orNull(Num), packets: Count, sensorDays: Num },
  {
    quarter: Text,
    sensors: Count,
    complete: Type.Boolean(),
    /** SYN and UDP, as in the tables. */
    packets: Count,
    /** All that sensors counted. */
    counted: Count,
    topPort: Port,
    topProtocol: MaybeText,
    miraiHosts: Count,
  },
  {
    /** Public graph: top ports by average packets per sensor and day. */
    topPorts: Type.Array(
      strict({ rank: Count, protocol: Text, port: Port, packets: Count, perSensorDay: orNull(Num) }),
    ),
    topPortsDaily: Type.Array(strict({ date: Text, protocol: Text, port: Port, perSensor: orNull(Num) })),
    /** Table (a). */
    miraiHosts: Type.Array(strict({ date: Text, country: Text, hosts: orNull(Count) })),
    miraiTotals: Type.Array(strict({ date: Text, hosts: orNull(Count) })),
    miraiCountries: Type.Array(strict({ country: Text, hosts: Count })),
    /** Table (c). */
    bySensor: Type.Array(strict({ sensor: Text, rank: Count, protocol: Text, port: Port, packets: Count })),
    /** Table (d). */
    miraiPorts: Type.Array(
      strict({ rank: Count, protocol: Text, port: Port, miraiPackets: Count, packets: Count, share: Share }),
    ),
  },
  "The TSUBAME tables of a quarter.",
);

export const Search = answer(
  {
    kind: oneOf(["source", "prefix", "network", "port", "country", "sensor"]),
    /** What to show: address, prefix, `AS64500`, `tcp/23`, `JP`, sensor name. */
    label: Text,
    /** Name of the network, service or country code. */
    detail: MaybeText,
    packets: Count,
    sources: Count,
    ip: MaybeText,
    asn: orNull(Count),
    protocol: MaybeText,
    port: Port,
    country: MaybeText,
    sensor: MaybeText,
  },
  { hits: Count, understood: oneOf(["address", "prefix", "asn", "port", "country", "text"]) },
  {},
  "Address, prefix, ASN, port, country or network name.",
);

export const Status = strict({
  name: Text,
  version: Text,
  simulated: Type.Boolean(),
  time: Time,
  started: Time,
  realm: Text,
  exercise: Text,
  data: strict({ from: orNull(Time), to: orNull(Time), flows: Count }),
  sensors: strict({ enrolled: Count, up: Count }),
  /** What must be named where the data are shown. */
  attribution: Type.Array(strict({ name: Text, text: Text, url: MaybeText })),
});

/** One event of /api/v1/live (`event: batch`, `data:` this as JSON, `id:` a number that `Last-Event-ID` resumes from). */
export const LiveEvent = strict({
  sensor: Text,
  /** Start of the flow interval. */
  interval: Time,
  packets: Count,
  flows: Count,
  sources: Count,
  degraded: Type.Boolean(),
  /** The few busiest rows of the batch. */
  rows: Type.Array(
    strict({
      src: Text,
      country: MaybeText,
      asn: orNull(Count),
      network: MaybeText,
      protocol: Text,
      port: Port,
      class: Text,
      packets: Count,
      mirai: Count,
    }),
  ),
});

export type PortsTop = Static<typeof PortsTop>;
export type PortsBySensor = Static<typeof PortsBySensor>;
export type Series = Static<typeof Series>;
export type OnePort = Static<typeof OnePort>;
export type DomesticOverseas = Static<typeof DomesticOverseas>;
export type MiraiHosts = Static<typeof MiraiHosts>;
export type MiraiPorts = Static<typeof MiraiPorts>;
export type Research = Static<typeof Research>;
export type Countries = Static<typeof Countries>;
export type Networks = Static<typeof Networks>;
export type SourcesTop = Static<typeof SourcesTop>;
export type OneSource = Static<typeof OneSource>;
export type News = Static<typeof News>;
export type Sensors = Static<typeof Sensors>;
export type Tsubame = Static<typeof Tsubame>;
export type Search = Static<typeof Search>;
export type Status = Static<typeof Status>;
export type LiveEvent = Static<typeof LiveEvent>;
export type { Coverage };
