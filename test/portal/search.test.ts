// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { type Known, type Seen, inOrder, typedAs } from "../../portal/src/shell/meant.ts";

const seen = (hit: Partial<Seen> & Pick<Seen, "kind" | "label">): Seen => ({
  detail: null,
  packets: 10,
  sources: 1,
  ip: null,
  asn: null,
  protocol: null,
  port: null,
  country: null,
  sensor: null,
  ...hit,
});
const known = (kind: Known["kind"], label: string, more: Partial<Known> = {}): Known => ({
  kind,
  label,
  detail: null,
  case: null,
  organisation: null,
  id: null,
  ...more,
});
/** The first of what is found, as kind and label, and whether it is the very thing. */
const first = (text: string, rows: readonly Seen[], desk: readonly Known[] = [], answered = true) => {
  const { hits, exact } = inOrder(text, rows, desk, answered);
  const [hit] = hits;
  return hit === undefined
    ? undefined
    : hit.desk === undefined
      ? [hit.kind, hit.label, exact > 0]
      : [`desk ${hit.desk.kind}`, hit.desk.label, exact > 0];
};

it("tells what was pasted by its form", () => {
  expect(typedAs(" 123.231.185.14 ")).toEqual({ kind: "address", ip: "123.231.185.14" });
  expect(typedAs("2001:DB8::5")).toEqual({ kind: "address", ip: "2001:db8::5" });
  expect(typedAs("202.152.0.0/16")).toEqual({ kind: "prefix" });
  expect(typedAs("2001:db8::/32")).toEqual({ kind: "prefix" });
  expect(typedAs("as4200016071")).toEqual({ kind: "asn", asn: 4_200_016_071 });
  expect(typedAs("AS 64500")).toEqual({ kind: "asn", asn: 64_500 });
  expect(typedAs("LAYANG-23")).toEqual({ kind: "case", number: 23 });
  expect(typedAs("23")).toEqual({ kind: "port", port: 23, protocol: null });
  for (const port of ["udp/53", "UDP:53", "53/udp", "udp 53"]) {
    expect(typedAs(port), port).toEqual({ kind: "port", port: 53, protocol: "udp" });
  }
  for (const text of ["70000", "tcp", "as", "Kirei", "1.2.3.4/8/9", "12:30", ""]) {
    expect(typedAs(text), text).toEqual({ kind: "text" });
  }
});

describe("the first that Enter opens", () => {
  const alert = known("alert", "123.231.185.14", { id: "a" });
  it("is an address's page, before its alerts and cases, seen or not", () => {
    const source = seen({ kind: "source", label: "123.231.185.14", ip: "123.231.185.14" });
    const desk = [known("case", "LAYANG-9", { case: 9 }), alert];
    expect(first("123.231.185.14", [source], desk)).toEqual(["source", "123.231.185.14", true]);
    expect(first("123.231.185.14", [], desk)).toEqual(["source", "123.231.185.14", true]);
    // The answer to the text before it (123.231.185.1, before the last figure came) is not what was typed.
    const old = seen({ kind: "source", label: "123.231.185.1", ip: "123.231.185.1" });
    expect(first("123.231.185.14", [old], [], false)).toEqual(["source", "123.231.185.14", true]);
    // Before any answer, too: Enter waits for nothing.
    expect(first("123.231.185.14", [], [], false)).toEqual(["source", "123.231.185.14", true]);
    expect(inOrder("123.231.185.14", [source], desk, true).hits).toHaveLength(3);
  });
  it("is a prefix, before the addresses and alerts inside it", () => {
    const rows = [
      seen({ kind: "source", label: "202.152.49.39", ip: "202.152.49.39" }),
      seen({ kind: "prefix", label: "202.152.0.0/16", asn: 64_500 }),
    ];
    expect(first("202.152.0.0/16", rows, [known("alert", "202.152.49.39")])).toEqual([
      "prefix",
      "202.152.0.0/16",
      true,
    ]);
    // Nothing seen of it: the network that is registered.
    expect(first("202.152.0.0/16", [], [alert, known("network", "202.152.0.0/16")])).toEqual([
      "desk network",
      "202.152.0.0/16",
      true,
    ]);
  });
  it("is the network of an AS, before alerts from it", () => {
    const rows = [seen({ kind: "network", label: "AS64500", asn: 64_500 })];
    expect(first("AS64500", rows, [alert])).toEqual(["network", "AS64500", true]);
    expect(first("AS64500", [], [alert], false)).toEqual(["network", "AS64500", true]);
  });
  it("is a port, before cases of that number and campaigns on it; a case is called by its name", () => {
    const rows = [
      seen({ kind: "port", label: "tcp/23", protocol: "tcp", port: 23 }),
      seen({ kind: "port", label: "udp/23", protocol: "udp", port: 23 }),
    ];
    const desk = [known("case", "LAYANG-23", { case: 23 }), known("campaign", "unmarked 23/tcp", { id: "c" })];
    expect(first("23", rows, desk)).toEqual(["port", "tcp/23", true]);
    expect(first("23/udp", rows, desk)).toEqual(["port", "udp/23", true]);
    expect(first("5666", [], [known("campaign", "unmarked 5666/tcp")])).toEqual(["port", "tcp/5666", true]);
    expect(first("LAYANG-23", rows, desk)).toEqual(["desk case", "LAYANG-23", true]);
  });
  it("is for words what is called exactly so, else what the desk knows", () => {
    const rows = [seen({ kind: "network", label: "AS1", asn: 1, detail: "Kirei Net" })];
    const desk = [known("organisation", "Kirei University Hospital"), known("organisation", "Kirei")];
    expect(first("kirei", rows, desk)).toEqual(["desk organisation", "Kirei", true]);
    expect(first("kirei net", rows, desk)).toEqual(["network", "AS1", true]);
    expect(first("kir", rows, desk)).toEqual(["desk organisation", "Kirei University Hospital", false]);
    expect(first("zzzz", [], [])).toBeUndefined();
  });
});
