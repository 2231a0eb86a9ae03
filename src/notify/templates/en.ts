// SPDX-License-Identifier: Apache-2.0
import type { Words } from "./words.ts";

export const en: Words = {
  language: "en",
  kind: {
    "infected-host": "Infected host",
    "scanning-host": "Scanning host",
    "dos-victim": "Host under attack",
    "reflector-abuse": "Target of reflected traffic",
    "amplification-scan": "Host that looks for amplifiers",
  },
  subject: {
    notice: "{what} {where}",
    relapse: "It is back: {what} {where}",
    reminder: "Still active: {what} {where}",
    digest: "{count} findings in networks of {organisation}",
    correction: "Correction: {what} {where}",
    breaker: "A breaker opened: notices are held",
  },
  invitation: {
    subject: "Your access to {node}",
    text: "With this link you set your password at {node}. It works once, and ends on {until}:\n\n  {link}\n\nIf you did not expect this mail, do nothing.\n",
  },
  simulated: {
    tag: "SIMULATED",
    line: "SIMULATED: this letter comes from an invented region. No machine in it exists.",
  },
  exercise: {
    tag: "EXERCISE",
    line: "THIS IS AN EXERCISE. Nothing in this letter is real; please act as the exercise asks.",
  },
  greeting: "To the security team of {organisation}",
  opening: {
    notice: "A machine in your network sends traffic that no healthy machine sends.",
    relapse: "A machine in your network had fallen silent and sends again.",
    reminder:
      "A machine that we told you about still sends. This is the only reminder we send before its term ends again.",
    digest: "We have {count} findings in your networks. They are listed below and in the attached table.",
    correction:
      "We told you about the address below. Later data show that the finding was wrong, and we take it back. We are sorry for the work.",
    breaker:
      "So many findings came at once that mailing was stopped. They are held on the board until an analyst releases them.",
  },
  openingOfVictim: {
    notice:
      "A host in your network is under attack from the Internet. Your host does nothing wrong; we tell you so that you can protect it.",
    relapse: "An attack on a host in your network, which had ended, has begun again.",
    reminder:
      "The attack on a host in your network that we told you about goes on. This is the only reminder we send before its term ends again.",
  },
  seen: {
    "infected-host":
      "It sent packets to addresses that nobody uses, where no service has ever been offered. Machines do that when malware on them looks for its next victims.",
    "scanning-host":
      "It sent packets to many addresses that nobody uses. This may be a scanner that somebody in your network runs on purpose, or a machine that somebody else controls.",
    "dos-victim":
      "Addresses that nobody uses received its replies to packets they never sent. That happens while the host is flooded with packets from forged sources.",
    "reflector-abuse":
      "Requests that bear its address as forged source were sent to open services, whose answers are meant to hit it.",
    "amplification-scan":
      "It asks addresses that nobody uses for services whose answers are larger than the question. This is how reflection attacks are prepared.",
  },
  label: {
    address: "Address",
    network: "Your network",
    family: "Family or tool",
    confidence: "Confidence",
    severity: "Severity",
    first: "First seen",
    last: "Last seen",
    packets: "Packets",
    ports: "Ports",
    attacked: "Ports under attack",
    reach: "Reached",
    tests: "Rule",
    signature: "Signature of the SYN",
    class: "Classification (RSIT)",
  },
  severity: { low: "low", medium: "medium", high: "high", critical: "critical" },
  test: {
    detectors: {
      "infected-host": "it reaches addresses that nobody uses",
      amplification: "requests to services that amplify",
      "dos-victim": "replies to packets with forged sources",
    },
    rules: {
      packets: "enough packets to enough of them",
      mark: "packets with the mark of this malware",
    },
    modes: {
      internal: "seen inside your own network",
      outbound: "on the way out of your network",
      "outbound, seen at home": "on the way out, seen by sensors in your economy",
      "outbound, seen abroad": "on the way out, seen by sensors abroad",
      "outbound, seen at home and abroad": "on the way out, seen by sensors in your economy and abroad",
    },
  },
  reach: (dark, sensors) =>
    `${dark} unused ${dark === 1 ? "address" : "addresses"}, seen by ${sensors} ${sensors === 1 ? "sensor" : "sensors"}`,
  clockUnknown: "clock error unknown",
  samples: "Packets to look for in your records (UTC; of each port the first in ten seconds):",
  sample: { time: "time", source: "source port", port: "destination port" },
  translated: "Many of your subscribers share this address. Time and source port together tell which one it is.",
  unattributable:
    "Many of your subscribers share this address, and we have no source port for this finding: it cannot be attributed to one of them. We tell you so that you know of it.",
  doHeading: "What to do",
  steps: {
    "scanning-host": [
      "Find out who runs the machine and whether the scan is meant.",
      "If it is not meant, treat the machine as infected: isolate it, keep its records, reinstall it.",
      'If it is meant, tell us with the link below ("research").',
    ],
    "dos-victim": [
      "Check whether the service is reachable and how much traffic arrives.",
      "Turn on SYN cookies, limit rates, or ask your upstream network for filtering.",
      "Keep samples of the traffic; the sources of the flood are forged.",
    ],
    "reflector-abuse": [
      "Ask your upstream network to filter the answers by their source port.",
      "Do not block the answering services for good: they are victims too.",
      "If the address hosts a service of yours, prepare a second address for it.",
    ],
    "amplification-scan": [
      "Find out who runs the machine and whether the scan is meant.",
      "If it is not meant, isolate the machine and look for tools of attack on it.",
      "Filter packets with forged sources at your border (BCP 38).",
    ],
  },
  cleaning: {
    iot: [
      "Find the device: camera, recorder, router or another small machine, often behind an address translation.",
      "Disconnect it, restart it while it is disconnected (this malware is lost at a restart), and set a new password before it goes online again.",
      "Update its firmware; close telnet, remote administration and UPnP towards the Internet. If there is no update, replace it.",
    ],
    windows: [
      "Disconnect the machine from the network, and leave it running if you want its memory examined.",
      "Install the missing updates (SMB first) on a clean system; change the passwords that were used on it.",
      "Look for the same traffic inside your network: such malware moves sideways first.",
    ],
    unknown: [
      "Find the machine by address, time and port, and disconnect it.",
      "Look for what sends: unknown processes, planned tasks, changed start-up files; keep a copy.",
      "Clean or reinstall it, change its passwords, close what need not be reachable from the Internet.",
    ],
  },
  answerHeading: "Tell us what you did",
  answer: "No account is needed. On this page you see the evidence and answer with one click:",
  answerOfVictim:
    "No account is needed. On this page you see what was counted and answer with one click (mitigated, over, still working on it):",
  linkUntil: "The link is yours alone and ends on {until}.",
  reply: "You can also reply to this mail; keep the number in the subject.",
  replyAlone: "Reply to this mail and say what you found and did; keep the number in the subject.",
  attachments: {
    csv: "Attached: the table (CSV, Shadowserver columns).",
    xarf: "Attached: the report for machines (XARF v4).",
    both: "Attached: the table (CSV, Shadowserver columns) and the report for machines (XARF v4).",
  },
  method:
    "How we know: sensors on addresses that nobody uses count what is sent to them. They send nothing and answer nothing. Whether the machine falls silent after your work is seen the same way.",
  methodOfVictim:
    "How we know: sensors on addresses that nobody uses count what is sent to them. They send nothing and answer nothing. When no more replies from your host reach them, the attack is over: we see that the same way.",
  marking: "Marking",
};
