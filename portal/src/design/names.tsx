// SPDX-License-Identifier: Apache-2.0
import { Link } from "@tanstack/react-router";
import { portName, serviceOf } from "../ports.ts";
import { useWords } from "../words/index.tsx";

/** A port by its number, linked to its page; with the service that usually listens there. */
export const PortLink = ({
  protocol,
  port,
  service = true,
}: {
  protocol: string;
  port: number | null;
  service?: boolean;
}) => {
  if (port === null) {
    return (
      <Link to="/explore" search={{ protocol }} className="mono">
        {portName(protocol, port)}
      </Link>
    );
  }
  const name = service ? serviceOf(protocol, port) : undefined;
  return (
    <span className="nowrap">
      <Link to="/ports/$protocol/$port" params={{ protocol, port: String(port) }} className="mono">
        {portName(protocol, port)}
      </Link>
      {name === undefined ? undefined : <span className="muted"> {name}</span>}
    </span>
  );
};

/** The economy of registration, in the reader's language. */
export const CountryLink = ({ code }: { code: string | null }) => {
  const { t, f } = useWords();
  return code === null || code === "--" || code === "" ? (
    <span className="faint">{t.word.unknown}</span>
  ) : (
    <Link to="/explore" search={{ country: code, group: "port" }}>
      {f.country(code)}
    </Link>
  );
};

export const NetworkLink = ({ asn, name }: { asn: number | null; name: string | null }) => {
  const { t } = useWords();
  return asn === null || asn === 0 ? (
    <span className="faint">{t.word.unknown}</span>
  ) : (
    <span>
      <Link to="/explore" search={{ asn: String(asn), group: "port" }} className="mono">
        AS{asn}
      </Link>{" "}
      <span className="muted">{name}</span>
    </span>
  );
};

export const SourceLink = ({ ip }: { ip: string }) => (
  <Link to="/sources/$ip" params={{ ip }} className="mono">
    {ip}
  </Link>
);
export const SensorLink = ({ sensor }: { sensor: string }) => (
  <Link to="/explore" search={{ sensor, group: "port" }}>
    {sensor}
  </Link>
);

/** A share of one as a bar; the figure stands in its own column. */
export const Bar = ({ share }: { share: number }) => (
  <span className="bar" style={{ width: `${Math.max(0.5, Math.min(100, share * 100))}%` }} aria-hidden />
);
