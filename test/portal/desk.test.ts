// SPDX-License-Identifier: Apache-2.0
// What the desk says of what was done, and of what could not be read.
import { describe, expect, it } from "vitest";
import { fileText } from "../../portal/src/desk/fileText.ts";
import { newestError } from "../../portal/src/desk/newest.ts";
import { formatFor } from "../../portal/src/format.ts";
import { saidOf, whyOf } from "../../portal/src/pages/desk/said.ts";
import { desk as en } from "../../portal/src/words/desk/en.ts";
import { desk as id } from "../../portal/src/words/desk/id.ts";
import { desk as ja } from "../../portal/src/words/desk/ja.ts";
import { desk as th } from "../../portal/src/words/desk/th.ts";
import { timelineKinds } from "../../src/api/contract/desk/cases.ts";
import { timelineRow } from "../../src/api/desk/shapes.ts";

type Both = Parameters<typeof saidOf>[0];
const english = { t: { desk: en }, f: formatFor("en") } as unknown as Both;
const says = (kind: string, facts: Parameters<typeof saidOf>[1]["facts"] = {}): string =>
  saidOf(english, { kind, facts });

describe("an entry of a case's timeline", () => {
  it("every kind has its sentence in every language", () => {
    for (const words of [en, ja, id, th])
      expect(Object.keys(words.cases.events)).toEqual(expect.arrayContaining([...timelineKinds]));
  });
  it("says a time as a time, and one of something as one", () => {
    const until = Date.UTC(2026, 10, 27, 12) * 1000;
    expect(says("suppressed", { until })).toBe(`Suppressed until ${english.f.time(new Date(until / 1000))}`);
    expect(says("detected", { packets: 1, darkAddresses: 1 })).toBe("Detected: 1 packet to 1 dark address");
    expect(says("detected", { packets: 1200, darkAddresses: 2 })).toBe("Detected: 1,200 packets to 2 dark addresses");
    expect(says("merged", { alerts: 3 })).toBe("3 alerts are handled here as one");
    expect(says("merged", { into: 1234 })).toBe("Goes on in LAYANG-1234");
    expect(says("unsuppressed")).toBe("Suppression ended");
    expect(says("never heard of")).toBe("never heard of");
  });
  it("names whom it was given to, and where nobody knows the person, the id that is kept", () => {
    const line = {
      id: 1,
      at: 0,
      actor: "person:a",
      name: "Ana",
      kind: "assigned",
      body: { person: "01J" },
      marking: "TLP:AMBER",
    } as const;
    expect(says("assigned", timelineRow({ ...line, person: "Budi" }).facts)).toBe("Assigned to Budi");
    expect(timelineRow({ ...line, person: null }).facts).toEqual({ person: "01J" });
  });
  it("shows why somebody decided so, and says nothing where nothing was said", () => {
    const why = (kind: string, facts: Parameters<typeof whyOf>[1]["facts"]): string =>
      whyOf(english.t, { kind, facts });
    expect(why("released", { reasons: "few-sensors", reason: "checked by hand" })).toBe("checked by hand");
    expect(why("state", { state: "closed", outcome: "false-positive", reason: null })).toBe("False alarm");
    expect(why("state", { state: "closed", outcome: "cleaned", reason: "told by telephone" })).toBe(
      "Cleaned: told by telephone",
    );
    expect(why("state", { state: "open" })).toBe("");
    // Its sentence has it already.
    expect(why("held", { reason: "few-sensors" })).toBe("");
  });
});

it("a file in another encoding is not read as other letters", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  expect(fileText(bytes("organisation,name\nkirei,病院\n"))).toEqual({ text: "organisation,name\nkirei,病院\n" });
  // The mark that spreadsheets write in front is no part of the first column's name.
  expect(fileText(bytes("\uFEFForganisation"))).toEqual({ text: "organisation" });
  expect(fileText(new Uint8Array([0xff, 0xfe, 0x61, 0]))).toEqual({ fault: "utf16" });
  expect(fileText(new Uint8Array([0x61, 0, 0x62, 0]))).toEqual({ fault: "utf16" });
  // 病院 in Shift_JIS.
  expect(fileText(new Uint8Array([0x95, 0x61, 0x89, 0x40]))).toEqual({ fault: "encoding" });
  expect(fileText(new Uint8Array())).toEqual({ text: "" });
});

it("an old refusal is not shown in place of a newer one, nor after something that went well", () => {
  expect(newestError({ submittedAt: 1, error: "old" }, { submittedAt: 2, error: "new" })).toBe("new");
  expect(newestError({ submittedAt: 1, error: "old" }, { submittedAt: 2, error: null })).toBeNull();
  expect(newestError<string>({ submittedAt: 0, error: null })).toBeNull();
});
