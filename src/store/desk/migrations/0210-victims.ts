// SPDX-License-Identifier: Apache-2.0

/**
 * What owners of hosts under attack answer; and a case waits while its owner was told and has not answered, not from the answer on.
 */
export const victims: readonly string[] = [
  "ALTER TABLE answers DROP CONSTRAINT answers_answer_check",
  `ALTER TABLE answers ADD CONSTRAINT answers_answer_check CHECK (answer IN ('cleaned', 'subscriber-notified', 'working', 'not-ours', 'false-positive', 'cannot-attribute', 'research', 'mitigated', 'attack-over'))`,
  `UPDATE cases SET state = CASE WHEN unanswered IS NULL THEN 'open' ELSE 'waiting' END WHERE state <> 'closed' AND state <> CASE WHEN unanswered IS NULL THEN 'open' ELSE 'waiting' END`,
];
