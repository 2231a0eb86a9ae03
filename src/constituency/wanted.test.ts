// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { wantedFromCsv } from "./wanted.ts";

it("takes a contact that stands on each line of its organisation's networks as one", () => {
  const { networks, contacts, errors } = wantedFromCsv(`organisation,name,country,network,role,mail,language
acme,Acme,ID,192.0.2.0/24,security,abuse@acme.example,id
acme,Acme,ID,198.51.100.0/24,security,abuse@acme.example,id
acme,,,203.0.113.0/24,abuse,abuse@acme.example,id
other,Other,ID,2001:db8::/32,security,abuse@acme.example,id
`);
  expect(errors).toEqual([]);
  expect(networks.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
  expect(contacts.map(({ line, record }) => [line, record.organisation, record.role])).toEqual([
    [2, "acme", "security"],
    [4, "acme", "abuse"],
    [5, "other", "security"],
  ]);
});

it("takes words that JavaScript knows for words that nobody knows", () => {
  for (const word of ["constructor", "__proto__"]) {
    expect(wantedFromCsv(`organisation,${word}\nacme,x\n`).errors).toEqual([
      { line: 1, message: expect.stringContaining(`unknown column "${word}"`) as string },
    ]);
    expect(wantedFromCsv(`organisation,essential\nacme,${word}\n`).errors).toEqual([
      { line: 2, message: `\`essential\` is yes or no, not "${word}"` },
    ]);
  }
});

it("refuses a contact that is said twice and not alike, and a network that stands twice", () => {
  const { errors } = wantedFromCsv(`organisation,network,role,mail,language
acme,192.0.2.0/24,abuse,abuse@acme.example,id
acme,192.0.2.0/24,abuse,abuse@acme.example,th
`);
  expect(errors).toEqual([
    { line: 3, message: "192.0.2.0/24 stands in line 2 already" },
    { line: 3, message: "abuse abuse@acme.example of acme is another one in line 2: say it alike, or once" },
  ]);
});
