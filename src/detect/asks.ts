// SPDX-License-Identifier: Apache-2.0
import { amplifiers } from "./families.ts";

const unlessAnswers = `NOT (class = 'udp' AND sample_ports[1] IN (${[...amplifiers.keys()].join(", ")}) AND dst_port != sample_ports[1])`;

/**
 * Condition on `flows`: somebody asked for a port of his own will. Datagrams that come from the port of a service that amplifies, to another port, are
 * answers to requests that were forged (reflection): their port was chosen by whoever forged them, and their senders chose nothing.
 */
export const asks = `class IN ('tcp-syn', 'udp') AND dst_port IS NOT NULL AND ${unlessAnswers}`;

/** The same for TCP (6) or UDP (17): of TCP alone no list of ports need be read. */
export const asksBy = (protocol: number): string =>
  protocol === 6 ? "class = 'tcp-syn'" : `class = 'udp' AND dst_port IS NOT NULL AND ${unlessAnswers}`;
