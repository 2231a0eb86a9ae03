// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import { parseIp } from "../net/ip.ts";
import { AppError } from "../platform/errors.ts";

/** Microseconds. */
const window = 15 * 60 * 1e6;
/** Failures within the window, by what they are counted for. */
const bounds = { network: 30, account: 10, device: 10, factor: 8 } as const;
type Counted = keyof typeof bounds;
const mostKeys = 50_000;

export interface Attempt {
  /** Of who asks; undefined in tests without a socket. */
  readonly address: string | undefined;
  /** Who wants to be signed in, as typed; lower case. */
  readonly account: string;
  /** A device that this account signed in from before (its cookie was checked). */
  readonly device: string | undefined;
}

/** The network whose failures are counted together: /24 of IPv4, /56 of IPv6, where one subscriber ends. */
export const networkOf = (address: string | undefined): string => {
  if (address === undefined || isIP(address) === 0) return "unknown";
  const words = parseIp(address);
  if (words === undefined) return "unknown";
  const [a, b, c, d] = words;
  if (a === 0 && b === 0 && c === 0xffff) return `4 ${d >>> 8}`;
  return `6 ${a >>> 0} ${(b & 0xffff_ff00) >>> 0}`;
};

export interface Limits {
  /** @throws AppError LOGIN_LIMIT with `retryAfter` (seconds) when too many attempts failed; `first`: nobody was told so within the window. */
  check(attempt: Attempt): void;
  failed(attempt: Attempt): void;
  succeeded(attempt: Attempt): void;
  /** What was counted as failed and never looked at. */
  undone(attempt: Attempt): void;
  /** The same for second factors: counted for the account on this device. */
  checkFactor(account: string, device: string | undefined): void;
  failedFactor(account: string, device: string | undefined): void;
  /** One that was counted as failed was right; those before it still count. */
  succeededFactor(account: string, device: string | undefined): void;
}

/**
 * How often guesses may fail. Strangers' failures at an account stop strangers only: a device that its owner signed in from before
 * has a count of its own, so nobody can lock somebody else out.
 */
export const createLimits = (now: () => number): Limits => {
  const failures = new Map<string, { since: number; count: number; told: boolean }>();
  const current = (key: string): { since: number; count: number; told: boolean } | undefined => {
    const found = failures.get(key);
    return found !== undefined && now() - found.since < window ? found : undefined;
  };
  const count = (kind: Counted, key: string): void => {
    const name = `${kind} ${key}`;
    const found = current(name);
    failures.delete(name);
    failures.set(name, {
      since: found?.since ?? now(),
      count: (found?.count ?? 0) + 1,
      told: found?.told ?? false,
    });
    const oldest = failures.keys().next().value;
    if (failures.size > mostKeys && oldest !== undefined) failures.delete(oldest);
  };
  const hold = (kind: Counted, key: string): void => {
    const found = current(`${kind} ${key}`);
    if (found === undefined || found.count < bounds[kind]) return;
    const retryAfter = Math.ceil((found.since + window - now()) / 1e6);
    const first = !found.told;
    found.told = true;
    throw new AppError("LOGIN_LIMIT", `too many attempts failed: try again in ${Math.ceil(retryAfter / 60)} min`, {
      retryAfter,
      first,
    });
  };
  const takeBack = (kind: Counted, key: string): void => {
    const found = current(`${kind} ${key}`);
    if (found !== undefined) found.count--;
  };
  const keyOf = (account: string, device: string | undefined): readonly [Counted, string] =>
    device === undefined ? ["account", account] : ["device", `${account} ${device}`];
  return {
    check: ({ address, account, device }) => {
      if (device === undefined) hold("network", networkOf(address));
      hold(...keyOf(account, device));
    },
    failed: ({ address, account, device }) => {
      count("network", networkOf(address));
      count(...keyOf(account, device));
    },
    succeeded: ({ address, account, device }) => {
      failures.delete(keyOf(account, device).join(" "));
      takeBack("network", networkOf(address));
    },
    undone: ({ address, account, device }) => {
      takeBack("network", networkOf(address));
      takeBack(...keyOf(account, device));
    },
    checkFactor: (account, device) => hold("factor", `${account} ${device ?? "-"}`),
    failedFactor: (account, device) => count("factor", `${account} ${device ?? "-"}`),
    succeededFactor: (account, device) => takeBack("factor", `${account} ${device ?? "-"}`),
  };
};
