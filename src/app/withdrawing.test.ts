// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createLog } from "../platform/log.ts";
import { withdrawRevoked } from "./withdrawing.ts";

const revoked = ["first", "second", "third"].map((name, i) => ({ name, since: (i + 1) * 1e9 }));
const watched = (failing: string, closingAt = "") => {
  const done: string[] = [];
  let closing = false;
  return {
    done,
    options: {
      registry: {
        toWithdraw: () => revoked,
        withdrawn: (name: string, since: number) => void done.push(`marked ${name} ${since}`),
      },
      store: {
        revoke: async (name: string) => {
          if (name === failing) throw new Error(`no room for ${name}`);
          done.push(`revoked ${name}`);
        },
      },
      released: { forget: (since: number) => void done.push(`forgot ${since}`) },
      judged: async (name: string) => {
        done.push(`judged ${name}`);
        closing = name === closingAt;
      },
      isClosing: () => closing,
      log: createLog("silent"),
    },
  };
};

it("holds none back for one that cannot be withdrawn now, and says so at the end", async () => {
  const { done, options } = watched("second");
  await expect(withdrawRevoked(options)).rejects.toThrow("no room for second");
  expect(done).toEqual(
    ["first 1000000000", "third 3000000000"].flatMap((one) => {
      const [name, since = ""] = one.split(" ");
      return [`revoked ${name}`, `forgot ${Number(since) / 1000}`, `judged ${name}`, `marked ${one}`];
    }),
  );
});

it("leaves the mark to the next start when the node closes before all was judged again", async () => {
  const { done, options } = watched("", "first");
  await withdrawRevoked(options);
  expect(done).toEqual(["revoked first", "forgot 1000000", "judged first"]);
});
